"""The ear: hears phrases in the room and says so as events (shell: owns the thread of `recogniser`).

No audio is stored or logged, and of speech nothing but the phrases that were asked for. The microphone is open
only while there is something to listen for.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from edge_agent.model.device import Microphone
from edge_agent.model.errors import EdgeAgentError
from edge_agent.model.events import Event, MicrophoneChanged, PhraseHeard
from edge_agent.settings.rooms import VoiceSettings
from edge_agent.troubles import Troubles
from edge_agent.voice.fitting import heard_model
from edge_agent.voice.libvosk import SpeechModel
from edge_agent.voice.models import Model
from edge_agent.voice.own_voice import OwnSound
from edge_agent.voice.recogniser import Recogniser, Report, Wishes
from edge_agent.voice.sources import source_from

RETRY_MIN: Final = timedelta(seconds=1)
RETRY_MAX: Final = timedelta(seconds=30)


class Ear:
    """Listens while `run` runs, and emits PhraseHeard and MicrophoneChanged on its event loop's thread.

    `listen_for`, `play` and `mute` may be called from any thread, before, during and after `run`. No phrase that was
    heard before a mute is emitted after it. A phrase that the model cannot hear is refused with a logged error that
    names its unknown words; the others are still heard.
    """

    def __init__(
        self,
        settings: VoiceSettings,
        emit: Callable[[Event], None],
        *,
        phrases: tuple[str, ...] = (),
        retry_min: timedelta = RETRY_MIN,
        troubles: Troubles | None = None,
    ) -> None:
        self._settings = settings
        self._emit = emit
        self._retry_min = retry_min
        self._troubles = troubles or Troubles()
        self._wishes = Wishes(phrases)
        self._loaded: SpeechModel | None = None  # kept, so that the thread finds it in memory

    def listen_for(self, phrases: tuple[str, ...]) -> None:
        """Listen for exactly these phrases from now on; nothing that is being said is lost by the change."""
        self._wishes.listen_for(phrases)

    def play(self, own: OwnSound | None) -> None:
        """Know that the device itself plays this, or nothing, so that it is not taken for somebody who speaks."""
        self._wishes.play(own)

    async def hear_with(self, model: Model) -> None:
        """Hear with another model from the next block of audio on; nothing that is being said is lost by the change.

        It is loaded first, beside the old one. Raise VoiceError where it cannot be; the old one then goes on.
        """
        self._loaded = await asyncio.to_thread(model.load)
        self._wishes.hear_with(model)

    def mute(self, on: bool) -> None:
        """Close the audio source, or open it again."""
        self._wishes.mute(on)

    async def run(self) -> None:
        """Listen until cancelled, or until there is nothing more to hear: the source is `off` or a file that ends.

        A microphone that fails is reported as LOST once and tried again with growing delays. A source or model
        that can never work is one lasting trouble and reported as OFF: the agent goes on without hearing.
        """
        loop = asyncio.get_running_loop()
        ended = loop.create_future()

        def tell(event: Event, mutes: int) -> None:
            is_late = isinstance(event, PhraseHeard) and self._wishes.now.mutes != mutes
            if not is_late:  # a phrase waits for its turn on the loop, and somebody may mute meanwhile
                self._emit(event)

        def report(event: Event, mutes: int) -> None:
            loop.call_soon_threadsafe(tell, event, mutes)

        def give_up(error: EdgeAgentError) -> None:
            self._troubles.begin("voice", error, logging.ERROR, more="Nothing can be heard.")

        def end(bug: BaseException | None) -> None:
            if bug is None:
                ended.set_result(None)
            else:
                ended.set_exception(bug)

        def listen() -> None:
            bug: BaseException | None = None
            try:
                self._listen(report)
            except EdgeAgentError as error:
                loop.call_soon_threadsafe(give_up, error)
                report(MicrophoneChanged(Microphone.OFF), self._wishes.now.mutes)
            except BaseException as unexpected:  # noqa: BLE001  a bug is carried to the loop, not lost
                bug = unexpected
            loop.call_soon_threadsafe(end, bug)

        self._troubles.forget("voice")
        self._wishes.stop(on=False)
        threading.Thread(target=listen, name="ear", daemon=True).start()
        try:
            await asyncio.shield(ended)
        finally:
            self._wishes.stop()
            await asyncio.wait([ended])

    def _listen(self, report: Report) -> None:
        source = source_from(self._settings.source)
        if source is None:
            report(MicrophoneChanged(Microphone.OFF), self._wishes.now.mutes)
            return
        Recogniser(
            source,
            heard_model(self._settings),
            self._wishes,
            report,
            sensitivity=self._settings.sensitivity,
            retry_min=self._retry_min,
            retry_max=RETRY_MAX,
        ).run()
