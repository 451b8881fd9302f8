"""Shell (tasks): keep the boot screen that was asked for last, in our boot directory and through the stage hook."""

import asyncio
from pathlib import Path

from edge_agent.model.errors import RenderError, StorageError
from edge_agent.model.play import Play
from edge_agent.render.boot_stage import BootStage
from edge_agent.render.hook_health import HookHealth
from edge_agent.render.hook_request import encode_empty_stage, encode_request, rendering_asset
from edge_agent.render.short_call import call_hook
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
            return await call_hook(self._settings, "stage", encode_empty_stage())
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
