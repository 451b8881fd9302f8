"""Shell (tasks): the room's door. Renders plays through firmware hooks, and listens to the device through its own."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from edge_agent.model.cue import Cue
from edge_agent.model.device import Microphone
from edge_agent.model.errors import RenderError
from edge_agent.model.events import Event, PlayProgressed
from edge_agent.model.identity import PlayId
from edge_agent.model.play import CloseCause, Play, PlayEvent
from edge_agent.render.hook_health import HookHealth
from edge_agent.render.hook_request import encode_cue
from edge_agent.render.indicator import Indicator
from edge_agent.render.play_run import PlayRun
from edge_agent.render.short_call import call_hook
from edge_agent.render.staging import Staging
from edge_agent.render.watcher import watch_device
from edge_agent.settings.rooms import RenderSettings
from edge_agent.troubles import Troubles

CUES: Final = Path(__file__).parent / "cues"
"""Our own short sounds, one WAV for each cue. scripts/make-cues makes them."""

_log = logging.getLogger(__name__)


class Renderer:
    """Starts, closes and stages plays; every method belongs to the event loop's thread and returns at once.

    Each started play ends with exactly one `PlayProgressed` whose event is final (complete, skip, close or error),
    whatever its hook does; it is emitted when the hook is gone. Nothing is emitted from inside a method call.
    """

    def __init__(
        self,
        settings: RenderSettings,
        emit: Callable[[Event], None],
        clock: Callable[[], datetime],
        troubles: Troubles | None = None,
    ) -> None:
        self._settings = settings
        self._emit = emit
        self._clock = clock
        self._health = HookHealth(troubles or Troubles())
        self._staging = Staging(settings, self._health)
        self._indicator = Indicator(settings, self._health)
        self._runs: dict[PlayId, tuple[PlayRun, asyncio.Task[None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._cueing = False
        self._stopped = False

    async def run(self) -> None:
        """Watch the device until cancelled; then close every play, show that nothing listens, and end every hook."""
        watch = asyncio.get_running_loop().create_task(self._watch(), name="watch the device")
        try:
            await asyncio.wait({watch})
            await watch
        finally:
            self._stopped = True
            self._staging.stop()
            self._indicator.stop()
            watch.cancel()
            for run, _ in self._runs.values():
                run.close(CloseCause.SHUTDOWN)
            await asyncio.wait({watch, *self._tasks, *self._chores()})

    def start(self, play: Play) -> None:
        """Render `play`, once what is being closed has gone: two of them would talk at once.

        Starting a play that is being rendered is a caller's bug (RuntimeError).
        """
        if play.id in self._runs:
            raise RuntimeError(f"play {play.id} is being rendered already")
        run = PlayRun(play, self._settings, self._report, self._clock)
        if self._stopped:
            run.close(CloseCause.SHUTDOWN)
        leaving = {task for other, task in self._runs.values() if other.is_closing}
        task = asyncio.get_running_loop().create_task(self._follow(run, leaving), name=f"play {play.id}")
        self._runs[play.id] = run, task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self, play_id: PlayId, cause: CloseCause) -> None:
        """Close a play: its hook is asked at once and gone within `close_timeout`. Twice is once."""
        if play_id in self._runs:
            run, _ = self._runs[play_id]
            _log.debug("Closing play %s: %s.", play_id, cause)
            run.close(cause)

    def stage(self, play: Play | None) -> None:
        """Keep `play` ready for the next power-on in place of what was staged, or nothing when it is None."""
        self._staging.want(play)

    def cue(self, cue: Cue) -> None:
        """Play a short sound, where the device has a hook for it; while one sounds, another is left out."""
        if "cue" in self._settings.hooks and not self._stopped and not self._cueing:
            self._cueing = True
            task = asyncio.get_running_loop().create_task(self._cue(cue), name=f"cue {cue}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def microphone(self, microphone: Microphone) -> None:
        """Have the device show what its microphone is doing, where it has a hook for it."""
        if not self._stopped:
            self._indicator.show(microphone)

    async def settled(self) -> None:
        """Wait until no play is being rendered and nothing is being staged or shown."""
        while work := self._tasks | {chore for chore in self._chores() if not chore.done()}:
            await asyncio.wait(work)

    def _chores(self) -> set[asyncio.Task[None]]:
        return {task for task in (self._staging.task, self._indicator.task) if task is not None}

    async def _watch(self) -> None:
        hook = self._settings.hooks.get("watch")
        if hook is None:
            await asyncio.Event().wait()
        else:
            await watch_device(self._settings, hook, self._emit, self._clock, self._health)

    async def _cue(self, cue: Cue) -> None:
        try:
            complaint = await call_hook(self._settings, "cue", encode_cue(cue, CUES / f"{cue}.wav"))
        except RenderError as error:
            self._health.failed("cue", error)
        else:
            self._health.worked("cue", complaint)
        finally:
            self._cueing = False

    async def _follow(self, run: PlayRun, leaving: set[asyncio.Task[None]]) -> None:
        if leaving:
            await asyncio.wait(leaving)
        outcome = await run.run()
        if outcome.fault is not None:
            self._health.failed(run.verb, outcome.fault, outcome.complaint)
        else:
            self._health.worked(run.verb, outcome.complaint)

    def _report(self, event: PlayEvent) -> None:
        if event.kind.is_final:
            self._runs.pop(event.play_id, None)
        self._emit(PlayProgressed(event))
