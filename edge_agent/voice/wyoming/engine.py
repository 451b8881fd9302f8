"""What decodes the audio of every Wyoming client: one model, and streams of it (native code, synchronous)."""

import logging
from collections.abc import Callable
from dataclasses import replace

from edge_agent.model.errors import StorageError, VoiceError
from edge_agent.voice.gated import GatedStream
from edge_agent.voice.grammar import build_what_is_known
from edge_agent.voice.libvosk import SpeechModel
from edge_agent.voice.models import Model
from edge_agent.voice.spotting import PhraseStream
from edge_agent.voice.wyoming.offer import Offer

_log = logging.getLogger(__name__)


class Engine:
    """The model that every client's audio is decoded with. It is loaded for the first audio, and kept until `rest`.

    `find` says which model that is. It is asked again once the model is gone: a voice pack of the agent beside us
    brings the words in a new folder and removes the old one. A phrase that the model cannot hear is refused with a
    logged error; the others are offered.
    """

    def __init__(self, find: Callable[[], Model], offer: Offer, sensitivity: float = 0.5) -> None:
        self._find = find
        self._asked = offer
        self._sensitivity = sensitivity
        self._loaded: SpeechModel | None = None
        self._take(find())

    def listen_for(self, phrases: tuple[str, ...], *, for_days: bool) -> PhraseStream | GatedStream:
        """Return a new stream of audio in which these phrases are heard. Raise VoiceError where Vosk refuses.

        One that goes on `for_days` has a gate, as the agent's own: silence costs next to nothing.
        """
        try:
            self._loaded = self._model.load()
        except VoiceError:
            self._take(self._find_again())
            self._loaded = self._model.load()
        grammar, _ = build_what_is_known(phrases, self._vocabulary)
        return (GatedStream if for_days else PhraseStream)(self._loaded, grammar, self._sensitivity)

    @property
    def is_loaded(self) -> bool:
        """Whether the model is kept in memory."""
        return self._loaded is not None

    def rest(self) -> None:
        """Let the model go, as soon as nobody is heard with it."""
        self._loaded = None

    def _find_again(self) -> Model:
        try:
            return self._find()
        except StorageError as error:  # for the client that asks, it is all the same
            raise VoiceError(str(error), error.next_step) from error

    def _take(self, model: Model) -> None:
        self._model, self._vocabulary = model, model.vocabulary()
        asked = self._asked
        for error in build_what_is_known((*asked.wake, *asked.answers), self._vocabulary)[1]:
            _log.error("Wyoming clients cannot use a phrase. %s", error.for_person())
        self.offer = replace(
            asked, wake=self._known(asked.wake), answers=self._known(asked.answers), model=model.name
        )

    def _known(self, phrases: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(build_what_is_known(phrases, self._vocabulary)[0].phrases.values())
