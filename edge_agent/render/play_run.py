"""Shell (tasks and timers): one play through one hook, from its request to its single final event."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from edge_agent.model.errors import RenderError
from edge_agent.model.play import CloseCause, Play, PlayEvent, PlayEventKind
from edge_agent.render.event_order import RENDERING, Course, Lie
from edge_agent.render.hook_output import Breach, Line, OutputLimits
from edge_agent.render.hook_process import Exited, HookProcess, start_hook
from edge_agent.render.hook_protocol import HookEvent, Unusable, parse_hook_line
from edge_agent.render.hook_request import encode_request, rendering_asset, verb_for
from edge_agent.settings.rooms import RenderSettings

_OVERTIME: Final = timedelta(seconds=2)
"""How much longer than its slot a play may take, counted from `loaded`."""
_FAREWELL: Final = timedelta(seconds=1)
"""How long a hook may live on after its final event, to take its picture away."""
_STUBBORN: Final = RenderError(
    "The hook did not close when it was asked to and was killed.", "Let it take its placement away on SIGTERM."
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a play ended. `fault` is the hook's failure, if any, and `complaint` what it printed on stderr."""

    kind: PlayEventKind
    fault: RenderError | None = None
    complaint: str = ""


class PlayRun:
    """One rendering. `run()` reports events through `report` and always ends with exactly one final event.

    The final event is reported when the hook is gone, so that whoever starts the next play finds the screen free.
    After `close()` that event is `close`, whatever the hook says: what was closed was not completed.
    """

    def __init__(
        self,
        play: Play,
        settings: RenderSettings,
        report: Callable[[PlayEvent], None],
        clock: Callable[[], datetime],
    ) -> None:
        self.play = play
        self.verb = verb_for(play.slot.format)
        self._settings = settings
        self._report = report
        self._clock = clock
        self._closing: CloseCause | None = None
        self._process: HookProcess | None = None
        self._course = Course(RENDERING)
        self._final: HookEvent | None = None

    @property
    def is_closing(self) -> bool:
        """Whether it was asked to go."""
        return self._closing is not None

    def close(self, cause: CloseCause) -> None:
        """Take the placement away: SIGTERM at once, SIGKILL after `close_timeout`. The first cause stays."""
        if self._closing is None:
            self._closing = cause
            if self._process is not None:
                self._process.ask_to_close(self._settings.close_timeout.total_seconds())

    async def run(self) -> Outcome:
        """Render, report every event, and return how it ended. Raises nothing but cancellation and our own bugs."""
        fault: RenderError | None = None
        try:
            if self._closing is None:
                await self._render()
        except RenderError as error:
            fault = error
        except asyncio.CancelledError:
            self._emit(PlayEventKind.CLOSE, self._t_ms())
            raise
        except BaseException:
            self._emit(PlayEventKind.ERROR, self._t_ms(), "The agent failed while rendering.")
            raise
        return self._conclude(fault)

    async def _render(self) -> None:
        asset = rendering_asset(self.play)
        if asset is not None and not asset.is_file():
            raise RenderError(f"The asset {asset} is not on the disk.", "The pack will be fetched again.")
        name = self._settings.hooks.get(self.verb)
        if name is None:
            raise RenderError(f"This device has no hook for {self.verb}.", "Name one under hooks in its profile.")
        request = encode_request(self.verb, self.play, asset)
        runtime = self._settings.runtime_directory
        process = await start_hook(self._settings.hooks_directory / name, request, runtime, OutputLimits())
        self._process = process
        try:
            if self._closing is not None:
                process.ask_to_close(self._settings.close_timeout.total_seconds())
            await self._follow(process)
        finally:
            await process.end(self._settings.close_timeout.total_seconds())

    async def _follow(self, process: HookProcess) -> None:
        """Take what the hook says until it ends; raise RenderError at the first thing that is wrong."""
        try:
            async with asyncio.timeout(self._settings.start_timeout.total_seconds()) as limit:
                while not isinstance(item := await process.next(), Exited):
                    self._take(item, limit)
        except TimeoutError:
            if self._course.is_over:
                return
            raise RenderError(self._overdue(), "Look at what the hook waits for.") from None
        if not self._course.is_over:
            raise RenderError(f"The hook ended with {item} before the play was over.", "Look at its stderr.")

    def _take(self, item: Line | Breach, limit: asyncio.Timeout) -> None:
        if isinstance(item, Breach):
            raise RenderError(item.detail, "Repair the hook.")
        event = parse_hook_line(item.text)
        if isinstance(event, Unusable):
            raise RenderError(event.reason, "Let the hook print events on stdout and text for people on stderr.")
        course = self._course.after(event)
        if isinstance(course, Lie):
            self._final = None
            raise RenderError(course.reason, "Repair the hook's order of events.")
        self._course = course
        now = asyncio.get_running_loop().time()
        if event.event.is_final:
            self._final = event
            limit.reschedule(now + _FAREWELL.total_seconds())
            return
        if event.event is PlayEventKind.LOADED:
            limit.reschedule(now + (self.play.slot.max_dur + _OVERTIME).total_seconds())
        self._emit(event.event, event.t_ms, event.detail)

    def _overdue(self) -> str:
        if self._course.last is None:
            return f"The hook did not load within {self._settings.start_timeout.total_seconds():g} s."
        return f"The hook went on past its slot of {self.play.slot.max_dur.total_seconds():g} s."

    def _conclude(self, fault: RenderError | None) -> Outcome:
        complaint = "" if self._process is None else self._process.complaint
        if self._closing is not None:
            self._emit(PlayEventKind.CLOSE, self._t_ms() if self._final is None else self._final.t_ms)
            stubborn = self._process is not None and self._process.outlived_its_close
            return Outcome(PlayEventKind.CLOSE, _STUBBORN if stubborn else None, complaint)
        if fault is not None:
            self._emit(PlayEventKind.ERROR, self._t_ms(), str(fault))
            return Outcome(PlayEventKind.ERROR, fault, complaint)
        if self._final is None:
            raise RuntimeError("a play ended without a final event and without a fault")
        final = self._final
        self._emit(final.event, final.t_ms, final.detail)
        if final.event is PlayEventKind.ERROR:
            fault = RenderError(final.detail or "The hook gave no reason.", "See what the device says about it.")
        return Outcome(final.event, fault, complaint)

    def _t_ms(self) -> int:
        return 0 if self._process is None else max(self._process.t_ms, self._course.t_ms)

    def _emit(self, kind: PlayEventKind, t_ms: int, detail: str = "") -> None:
        self._report(PlayEvent(self.play.id, kind, self._clock(), t_ms, detail))
