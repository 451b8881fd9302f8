"""Shell (tasks): keep the boot screen that was asked for last, in our boot directory and through the stage hook."""

import asyncio
from pathlib import Path

from edge_agent.model.errors import RenderError, StorageError
from edge_agent.model.play import Play, PlayEventKind
from edge_agent.render.boot_stage import BootStage
from edge_agent.render.event_order import STAGING, Course, Lie
from edge_agent.render.hook_health import HookHealth
from edge_agent.render.hook_output import Breach, Line, OutputLimits
from edge_agent.render.hook_process import Exited, HookProcess, start_hook
from edge_agent.render.hook_protocol import Unusable, parse_hook_line
from edge_agent.render.hook_request import encode_empty_stage, encode_request, rendering_asset
from edge_agent.settings.rooms import RenderSettings


class Staging:
    """Stages one request after another; a newer wish replaces one that has not begun."""

    def __init__(self, settings: RenderSettings, health: HookHealth) -> None:
        self._settings = settings
        self._health = health
        self._boot = BootStage(settings.boot_directory)
        self._wishes: list[Play | None] = []
        self.task: asyncio.Task[None] | None = None

    def want(self, play: Play | None) -> None:
        """Have `play` staged, or nothing when it is None, soon."""
        self._wishes = [play]
        if self.task is None or self.task.done():
            self.task = asyncio.get_running_loop().create_task(self._work(), name="stage the boot screen")

    async def _work(self) -> None:
        while self._wishes:
            play = self._wishes.pop()
            try:
                complaint = await self._stage(play)
            except (RenderError, StorageError) as error:
                self._health.failed("stage", error)
            else:
                self._health.worked("stage", complaint)

    async def _stage(self, play: Play | None) -> str:
        if play is None:
            await asyncio.to_thread(self._boot.clear)
            return await self._call_hook(encode_empty_stage())
        asset = rendering_asset(play)
        if asset is None or not asset.is_file():
            raise RenderError(
                f"The boot screen's asset {asset} is not on the disk.", "The pack will be fetched again."
            )
        # The hook gets our own copy: the shelf may let the original go while it is staged.
        name = _kept_name(play, asset)
        kept = self._settings.boot_directory / name
        request = encode_request("stage", play, kept)
        await asyncio.to_thread(self._boot.put, request, asset, name)
        return await self._call_hook(request)

    async def _call_hook(self, request: bytes) -> str:
        """Run the stage hook, where there is one, and return what it printed on stderr; RenderError if it failed."""
        name = self._settings.hooks.get("stage")
        if name is None:
            return ""
        settings = self._settings
        process = await start_hook(
            settings.hooks_directory / name, request, settings.runtime_directory, OutputLimits()
        )
        try:
            async with asyncio.timeout(settings.start_timeout.total_seconds()):
                await _answer(process)
        except TimeoutError:
            seconds = settings.start_timeout.total_seconds()
            raise RenderError(f"The hook did not stage within {seconds:g} s.", "Look at its stderr.") from None
        finally:
            await process.end(settings.close_timeout.total_seconds())
        return process.complaint


async def _answer(process: HookProcess) -> None:
    """Wait until a stage hook has ended after exactly one `complete`; anything else is a RenderError."""
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
        raise RenderError(event.detail or "The hook could not stage.", "See what the device says about it.")
    return after


def _kept_name(play: Play, asset: Path) -> str:
    """Name the copy by its content, so that an interrupted replacement never mixes two files."""
    known = play.candidate.asset
    return f"{known.sha256 if known is not None else play.id}{asset.suffix}"
