"""Shell (tasks): run a hook that answers once (`complete` or `error`) and ends: `stage`, `cue` and `microphone`."""

import asyncio

from edge_agent.model.errors import RenderError
from edge_agent.model.play import PlayEventKind
from edge_agent.render.event_order import STAGING, Course, Lie
from edge_agent.render.hook_output import Breach, Line, OutputLimits
from edge_agent.render.hook_process import Exited, HookProcess, start_hook
from edge_agent.render.hook_protocol import Unusable, parse_hook_line
from edge_agent.render.hook_request import Verb
from edge_agent.settings.rooms import RenderSettings


async def call_hook(settings: RenderSettings, verb: Verb, request: bytes) -> str:
    """Run the verb's hook, where there is one, and return what it printed on stderr; RenderError if it failed."""
    name = settings.hooks.get(verb)
    if name is None:
        return ""
    process = await start_hook(settings.hooks_directory / name, request, settings.runtime_directory, OutputLimits())
    seconds = settings.start_timeout.total_seconds()
    try:
        async with asyncio.timeout(seconds):
            await _answer(process)
    except TimeoutError:
        raise RenderError(f"The hook did not {verb} within {seconds:g} s.", "Look at its stderr.") from None
    finally:
        await process.end(settings.close_timeout.total_seconds())
    return process.complaint


async def _answer(process: HookProcess) -> None:
    """Wait until a hook has ended after exactly one `complete`; anything else is a RenderError."""
    course = Course(STAGING)
    while not isinstance(item := await process.next(), Exited):
        course = _accept(course, item)
    if course.last is not PlayEventKind.COMPLETE:
        raise RenderError(f"The hook ended with {item} and without an answer.", "Let it print complete or error.")


def _accept(course: Course, item: Line | Breach) -> Course:
    if isinstance(item, Breach):
        raise RenderError(item.detail, "Repair the hook.")
    event = parse_hook_line(item.text)
    if isinstance(event, Unusable):
        raise RenderError(event.reason, "Let the hook print events on stdout and text for people on stderr.")
    after = course.after(event)
    if isinstance(after, Lie):
        raise RenderError(after.reason, "Let the hook answer once: complete or error.")
    if event.event is PlayEventKind.ERROR:
        raise RenderError(event.detail or "The hook could not do it.", "See what the device says about it.")
    return after
