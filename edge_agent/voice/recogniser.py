"""The thread that listens: reads a source, decodes it, and reports what was heard (shell: one thread).

Vosk holds no lock of Python's while it decodes, so that the event loop runs on. The thread looks at its orders
(`Wishes`) with every block of audio, twenty times a second, in a quiet room five times.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Final

from edge_agent.model.device import Microphone
from edge_agent.model.errors import MicrophoneError, VoiceError
from edge_agent.model.events import MicrophoneChanged, PhraseHeard
from edge_agent.voice.alike import without_alikes
from edge_agent.voice.gated import GatedStream
from edge_agent.voice.grammar import Grammar, Vocabulary, build_what_is_known
from edge_agent.voice.libvosk import SpeechModel
from edge_agent.voice.models import Model
from edge_agent.voice.own_voice import OwnSound, OwnVoice
from edge_agent.voice.sounds.look import look_of
from edge_agent.voice.sources import AudioSource
from edge_agent.voice.spotter import Detection
from edge_agent.voice.wav import read_wav

_log = logging.getLogger(__name__)

QUIET_S: Final = 0.2
"""How much audio is gathered in a quiet room before it is looked at. Waking up is most of what silence costs, and no
phrase is so short: once somebody speaks, the decoder catches up long before the phrase ends."""

Report = Callable[[MicrophoneChanged | PhraseHeard, int], None]
"""Takes an event, and how often the room had been muted (`Wish.mutes`) when what it tells of was so."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the thread should be doing."""

    phrases: tuple[str, ...] = ()
    model: Model | None = None
    """The model to hear with from now on; None: the one that it began with."""
    own: OwnSound | None = None
    muted: bool = False
    mutes: int = 0
    """How often it was muted: one that is over before the thread looks counts as well."""
    stopped: bool = False


class Wishes:
    """The newest wish, from any thread to the one that listens."""

    def __init__(self, phrases: tuple[str, ...]) -> None:
        self._changed = threading.Condition()
        self._wish = Wish(phrases)

    @property
    def now(self) -> Wish:
        """The newest wish."""
        return self._wish

    def listen_for(self, phrases: tuple[str, ...]) -> None:
        """Wish for these phrases."""
        self._put(lambda wish: replace(wish, phrases=phrases))

    def play(self, own: OwnSound | None) -> None:
        """Let the thread know what the device itself plays now."""
        self._put(lambda wish: replace(wish, own=own))

    def hear_with(self, model: Model) -> None:
        """Wish for another model."""
        self._put(lambda wish: replace(wish, model=model))

    def mute(self, on: bool) -> None:
        """Wish for a closed source, or an open one."""
        self._put(lambda wish: replace(wish, muted=on, mutes=wish.mutes + on))

    def stop(self, on: bool = True) -> None:
        """Wish for the end of the thread."""
        self._put(lambda wish: replace(wish, stopped=on))

    def wait(self, seen: Wish, timeout_s: float | None = None) -> None:
        """Wait until the wish is another than `seen`, or `timeout_s` is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._wish != seen, timeout_s)

    def _put(self, change: Callable[[Wish], Wish]) -> None:
        with self._changed:
            self._wish = change(self._wish)
            self._changed.notify_all()


class Recogniser:
    """Listens to one source with one model. `run` is the thread's body.

    The source is open only while there is something to listen for and nobody has muted it. Nothing of what was
    heard before a mute is left after it, however short it was.
    """

    def __init__(
        self,
        source: AudioSource,
        model: Model,
        wishes: Wishes,
        report: Report,
        *,
        sensitivity: float,
        retry_min: timedelta,
        retry_max: timedelta,
    ) -> None:
        self._source = source
        self._model = model
        self._wishes = wishes
        self._report = report
        self._sensitivity = sensitivity
        self._retry_min_s = retry_min.total_seconds()
        self._retry_max_s = retry_max.total_seconds()
        self._delay_s = self._retry_min_s
        self._said: Microphone | None = None
        self._refused: set[str] = set()

    @cached_property
    def _speech_model(self) -> SpeechModel:
        return self._model.load()

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return self._model.vocabulary()

    def run(self) -> None:
        """Listen until the wish is to stop or the source is over. Raise VoiceError when it can never work."""
        try:
            while not (wish := self._wishes.now).stopped:
                self._take_up(wish.model)
                grammar = self._grammar(wish.phrases)
                if wish.muted or not grammar.phrases:
                    self._say(Microphone.MUTED if wish.muted else Microphone.OFF)
                    self._wishes.wait(wish)
                    continue
                try:
                    if self._listen(wish, grammar):
                        return
                except MicrophoneError as error:
                    self._lose(error)
                    self._wishes.wait(wish, self._delay_s)
                    self._delay_s = min(2 * self._delay_s, self._retry_max_s)
                finally:
                    self._source.close()
        finally:
            self._say(Microphone.OFF)

    def _listen(self, wish: Wish, grammar: Grammar) -> bool:
        """Decode until there is nothing to listen for; return whether the source is over for good."""
        self._source.open()
        with closing(OwnVoice(read_wav, self._speech_model, time.monotonic())) as own:
            return self._follow(wish, grammar, own)

    def _follow(self, wish: Wish, grammar: Grammar, own: OwnVoice) -> bool:
        stream = GatedStream(self._speech_model, self._unmistakable(grammar), self._sensitivity)
        own.play(wish.own, self._own_grammar(wish))
        dropped_s = self._source.dropped_s
        while not self._source.is_over:
            gather_s = QUIET_S if stream.is_quiet and wish.own is None else 0.0
            audio = self._source.read(gather_s)
            before_s, dropped_s = dropped_s, self._source.dropped_s
            audio = own.take(audio, time.monotonic(), dropped_s - before_s)
            newest = self._wishes.now
            if newest != wish:
                renewed = self._take_up(newest.model)
                is_muted_since = newest.mutes != wish.mutes
                others = renewed or newest.phrases != wish.phrases
                wish = newest
                if others:
                    grammar = self._grammar(wish.phrases)
                if is_muted_since or wish.stopped or not grammar.phrases:
                    return False
                if renewed:
                    own.renew(self._speech_model)
                own.play(wish.own, self._own_grammar(wish))
                if others:
                    stream.listen_for(self._unmistakable(grammar), self._speech_model if renewed else None)
            self._find()
            for detection in stream.feed(audio):
                if self._wishes.now.mutes != wish.mutes:  # while it was decoded
                    return False
                if not own.is_own(detection):
                    self._report(_event_of(detection, own), wish.mutes)
        return True

    def _take_up(self, model: Model | None) -> bool:
        """Hear with `model` from now on; return whether that is another one than before."""
        if model is None or model == self._model:
            return False
        self._model = model
        for known in ("_speech_model", "_vocabulary"):
            vars(self).pop(known, None)
        self._refused.clear()
        return True

    def _grammar(self, phrases: tuple[str, ...]) -> Grammar:
        grammar, refused = build_what_is_known(phrases, self._vocabulary)
        self._tell_of(refused)
        return grammar

    def _unmistakable(self, grammar: Grammar) -> Grammar:
        """Return it without what would be taken for the resident's words."""
        kept, alike = without_alikes(grammar, look_of(self._speech_model))
        self._tell_of(alike)
        return kept

    def _tell_of(self, refused: Iterable[VoiceError]) -> None:
        for error in refused:
            if str(error) not in self._refused:
                self._refused.add(str(error))
                _log.error("A phrase cannot be heard. %s", error.for_person())

    def _own_grammar(self, wish: Wish) -> Grammar:
        own = () if wish.own is None else wish.own.phrases
        return self._unmistakable(self._grammar((*wish.phrases, *own)))

    def _lose(self, error: MicrophoneError) -> None:
        if self._said is not Microphone.LOST:
            _log.warning("The microphone is lost and will be tried again. %s", error.for_person())
        self._say(Microphone.LOST)

    def _find(self) -> None:
        if self._said is Microphone.LOST:
            _log.warning("The microphone is back.")
        self._delay_s = self._retry_min_s
        self._say(Microphone.LISTENING)

    def _say(self, microphone: Microphone) -> None:
        if self._said is not microphone:
            self._said = microphone
            self._report(MicrophoneChanged(microphone), self._wishes.now.mutes)


def _event_of(detection: Detection, own: OwnVoice) -> PhraseHeard:
    began_ago = timedelta(seconds=max(0.0, time.monotonic() - own.heard_at_s(detection.start_s)))
    return PhraseHeard(detection.phrase, detection.start_s, detection.end_s, detection.confidence, began_ago)
