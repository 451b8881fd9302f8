"""Shell (tasks): tell the device what its microphone is doing, so that its own light or icon says so too."""

import asyncio

from edge_agent.model.device import Microphone
from edge_agent.model.errors import RenderError
from edge_agent.render.hook_health import HookHealth
from edge_agent.render.hook_request import encode_microphone
from edge_agent.render.short_call import call_hook
from edge_agent.settings.rooms import RenderSettings


class Indicator:
    """Runs the `microphone` hook, where the device has one: one call at a time, and always the newest state last."""

    def __init__(self, settings: RenderSettings, health: HookHealth) -> None:
        self._settings = settings
        self._health = health
        self._wanted: Microphone | None = None
        self._newest = Microphone.OFF
        self.task: asyncio.Task[None] | None = None

    def show(self, microphone: Microphone) -> None:
        """Have the device show `microphone` soon; what was asked for before and has not begun is left out."""
        if "microphone" not in self._settings.hooks:
            return
        self._wanted = self._newest = microphone
        if self.task is None or self.task.done():
            self.task = asyncio.get_running_loop().create_task(self._work(), name="show the microphone's state")

    def stop(self) -> None:
        """Have the device show that nothing listens any more."""
        if self._newest is not Microphone.OFF:
            self.show(Microphone.OFF)

    async def _work(self) -> None:
        while (microphone := self._wanted) is not None:
            self._wanted = None
            try:
                complaint = await call_hook(self._settings, "microphone", encode_microphone(microphone))
            except RenderError as error:
                self._health.failed("microphone", error)
            else:
                self._health.worked("microphone", complaint)
