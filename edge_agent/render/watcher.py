"""Shell (tasks): the device's `watch` hook, for as long as the agent runs; started again whenever it dies."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from edge_agent.model.errors import RenderError
from edge_agent.model.events import Event, MomentArose
from edge_agent.model.moment import MOMENTS_WITHIN_S, MOST_MOMENTS, MomentPace
from edge_agent.render.hook_health import HookHealth
from edge_agent.render.hook_output import Breach, Line, OutputLimits
from edge_agent.render.hook_process import Exited, HookProcess, start_hook
from edge_agent.render.hook_protocol import Unusable
from edge_agent.render.hook_request import encode_watch
from edge_agent.render.restart_delay import restart_delay
from edge_agent.render.watch_protocol import parse_watch_line
from edge_agent.settings.rooms import RenderSettings

_LIMITS: Final = OutputLimits(total_bytes=None)

_TOO_MANY: Final = Unusable(f"The watch hook told of more than {MOST_MOMENTS} moments within {MOMENTS_WITHIN_S:g} s.")


async def watch_device(
    settings: RenderSettings,
    hook: str,
    emit: Callable[[Event], None],
    clock: Callable[[], datetime],
    health: HookHealth,
) -> None:
    """Emit what the device says until cancelled; the hook is closed on the way out.

    A line that means nothing is dropped; a hook that floods is stopped and started again like one that died.
    """
    loop = asyncio.get_running_loop()
    delay: timedelta | None = None
    while True:
        started_at = loop.time()
        try:
            process = await start_hook(
                settings.hooks_directory / hook, encode_watch(), settings.runtime_directory, _LIMITS
            )
            await _listen(process, settings, emit, clock, health)
        except RenderError as error:
            lived = timedelta(seconds=loop.time() - started_at)
            delay = restart_delay(delay, lived, settings.restart_min, settings.restart_max)
            health.failed("watch", error)
        await asyncio.sleep((delay or settings.restart_min).total_seconds())


async def _listen(
    process: HookProcess,
    settings: RenderSettings,
    emit: Callable[[Event], None],
    clock: Callable[[], datetime],
    health: HookHealth,
) -> None:
    """Follow one life of the hook; always leaves with RenderError or cancellation, and with the hook gone."""
    grumbled = False
    pace, now_s = MomentPace(), asyncio.get_running_loop().time
    try:
        while True:
            match await process.next():
                case Line(text):
                    said = parse_watch_line(text, clock())
                    if isinstance(said, MomentArose) and pace.wait_s(now_s()):
                        said = _TOO_MANY
                    if not isinstance(said, Unusable):
                        if not grumbled:
                            health.worked("watch")
                        emit(said)
                    elif not grumbled:  # once in the hook's life, however much nonsense follows
                        grumbled = True
                        health.failed("watch", RenderError(said.reason, "Repair the hook; the line was dropped."))
                case Breach(detail):
                    raise RenderError(detail, "It is started again.")
                case Exited() as ended:
                    said_last = f" It printed: {process.complaint}" if process.complaint else ""
                    raise RenderError(f"The hook ended with {ended}.{said_last}", "It is started again.")
    finally:
        await process.end(settings.close_timeout.total_seconds())
