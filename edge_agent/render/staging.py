"""Shell (tasks and timers): keep the boot screen that was asked for last, in our boot directory and through the hook.

A power-on asks nobody: what may no longer be shown must not stay staged because a disk or a hook refused once. So
what cannot be replaced is taken away, and what failed is tried again until it is done or something else is wanted.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from edge_agent.model.errors import RenderError, StorageError
from edge_agent.model.play import Play
from edge_agent.render.boot_stage import BootStage
from edge_agent.render.hook_health import HookHealth
from edge_agent.render.hook_request import encode_empty_stage, encode_request, rendering_asset
from edge_agent.render.restart_delay import restart_delay
from edge_agent.render.short_call import call_hook
from edge_agent.settings.rooms import RenderSettings


class Staging:
    """Stages one request after another; a newer wish replaces one that has not begun."""

    def __init__(self, settings: RenderSettings, health: HookHealth) -> None:
        self._settings = settings
        self._health = health
        self._boot = BootStage(settings.boot_directory)
        self._wishes: list[Play | None] = []
        self._delay: timedelta | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._stopped = False
        self.task: asyncio.Task[None] | None = None

    def want(self, play: Play | None) -> None:
        """Have `play` staged, or nothing when it is None, soon."""
        self._delay = None
        self._begin(play)

    def stop(self) -> None:
        """Begin nothing any more; what has begun goes on to its end."""
        self._stopped = True
        self._cancel()

    def _cancel(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _begin(self, play: Play | None) -> None:
        self._cancel()
        if self._stopped:
            return
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
                if play is not None:
                    with suppress(RenderError, StorageError):
                        await self._take_away()
                self._try_again(play)
            else:
                self._health.worked("stage", complaint)

    def _try_again(self, play: Play | None) -> None:
        if not self._wishes and not self._stopped:
            settings = self._settings
            self._delay = restart_delay(self._delay, timedelta(0), settings.restart_min, settings.restart_max)
            self._retry = asyncio.get_running_loop().call_later(self._delay.total_seconds(), self._begin, play)

    async def _take_away(self) -> str:
        try:
            await asyncio.to_thread(self._boot.clear)
        finally:  # a boot loader has a copy of its own, whatever became of ours
            complaint = await call_hook(self._settings, "stage", encode_empty_stage())
        return complaint

    async def _stage(self, play: Play | None) -> str:
        if play is None:
            return await self._take_away()
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
        return await call_hook(self._settings, "stage", request)


def _kept_name(play: Play, asset: Path) -> str:
    """Name the copy by its content, so that an interrupted replacement never mixes two files."""
    known = play.candidate.asset
    return f"{known.sha256 if known is not None else play.id}{asset.suffix}"
