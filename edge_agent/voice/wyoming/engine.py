"""What decodes the audio of every Wyoming client: one model, and streams of it (native code, synchronous)."""

import logging

from edge_agent.voice.gated import GatedStream
from edge_agent.voice.grammar import build_what_is_known
from edge_agent.voice.libvosk import SpeechModel
from edge_agent.voice.models import Model
from edge_agent.voice.spotting import PhraseStream
from edge_agent.voice.wyoming.offer import Offer

_log = logging.getLogger(__name__)


class Engine:
    """The model that every client's audio is decoded with. It is loaded for the first audio, and kept until `rest`.

    A phrase that the model cannot hear is refused with a logged error; the others are offered.
    """

    def __init__(self, model: Model, offer: Offer, sensitivity: float = 0.5) -> None:
        self._model = model
        self._sensitivity = sensitivity
        self._vocabulary = model.vocabulary()
        self._loaded: SpeechModel | None = None
        for error in build_what_is_known((*offer.wake, *offer.answers), self._vocabulary)[1]:
            _log.error("Wyoming clients cannot use a phrase. %s", error.for_person())
        self.offer = Offer(self._known(offer.wake), self._known(offer.answers), offer.lang, offer.model)

    def listen_for(self, phrases: tuple[str, ...], *, for_days: bool) -> PhraseStream | GatedStream:
        """Return a new stream of audio in which these phrases are heard. Raise VoiceError where Vosk refuses.

        One that goes on `for_days` has a gate, as the agent's own: silence costs next to nothing.
        """
        grammar, _ = build_what_is_known(phrases, self._vocabulary)
        self._loaded = self._model.load()
        return (GatedStream if for_days else PhraseStream)(self._loaded, grammar, self._sensitivity)

    @property
    def is_loaded(self) -> bool:
        """Whether the model is kept in memory."""
        return self._loaded is not None

    def rest(self) -> None:
        """Let the model go, as soon as nobody is heard with it."""
        self._loaded = None

    def _known(self, phrases: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(build_what_is_known(phrases, self._vocabulary)[0].phrases.values())
