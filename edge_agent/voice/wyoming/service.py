"""The Wyoming server as a room's part of the agent: begun where the settings name an address, muted with the ear.

(Shell: waits by the clock; the sockets and the thread are the server's.)
"""

import asyncio
import logging
import time
from datetime import timedelta
from functools import partial
from typing import Final

from edge_agent.model.errors import EdgeAgentError, SettingsError
from edge_agent.settings.rooms import VoiceSettings
from edge_agent.troubles import Troubles
from edge_agent.voice.fitting import heard_model
from edge_agent.voice.wyoming.engine import Engine
from edge_agent.voice.wyoming.mute import Mute
from edge_agent.voice.wyoming.offer import Offer
from edge_agent.voice.wyoming.protocol import Address
from edge_agent.voice.wyoming.server import WyomingServer

RETRY: Final = timedelta(seconds=30)

_log = logging.getLogger(__name__)


class WyomingService:
    """Serves Wyoming clients while `run` runs. A muted device refuses them, whatever microphone is theirs."""

    def __init__(
        self, settings: VoiceSettings, *, troubles: Troubles | None = None, retry: timedelta = RETRY
    ) -> None:
        self._settings = settings
        self._troubles = troubles or Troubles()
        self._retry_s = retry.total_seconds()
        self._mute = Mute()

    def mute(self, on: bool) -> None:
        """Refuse everybody from now on, also who is speaking, or serve again."""
        self._mute = self._mute.turned(time.monotonic(), on=on)

    async def run(self) -> None:
        """Serve until cancelled. Returns at once where no address is named, or where it can never work.

        An address that is taken is one lasting trouble, and tried again.
        """
        self._troubles.forget("wyoming")
        if self._settings.wyoming is None:
            return
        try:
            address = Address.parse(self._settings.wyoming.uri)
            engine = await asyncio.to_thread(engine_for, self._settings)
        except EdgeAgentError as error:
            self._troubles.begin("wyoming", error, logging.ERROR, more="Wyoming clients are not served.")
            return
        while True:
            try:
                async with WyomingServer(engine, lambda: self._mute).listening(address) as taken:
                    self._troubles.end("wyoming")
                    _log.info("Wyoming clients are served at %s", taken)
                    await asyncio.get_running_loop().create_future()
            except SettingsError as error:
                self._troubles.begin("wyoming", error)
                await asyncio.sleep(self._retry_s)


def engine_for(settings: VoiceSettings) -> Engine:
    """Return the engine of these settings. Raise VoiceError when the model cannot be used."""
    return Engine(partial(heard_model, settings), Offer.of(settings), settings.sensitivity)
