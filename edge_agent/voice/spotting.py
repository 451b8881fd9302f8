"""Audio in, detections out: one decoder and one spotter following one stream (native code, synchronous).

Audio is held for at most `REMEMBER_S`, in memory, so that an utterance can be decoded twice: once as it comes,
once more when a phrase is put to the test, and from the end of a phrase on after it was heard, so that whatever
follows in the same breath is not lost.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from edge_agent.voice.foreground import stands_out
from edge_agent.voice.grammar import NOTHING, Grammar, Vocabulary, build_grammar
from edge_agent.voice.libvosk import RATE, Decoder, Reading, SpeechModel, Word
from edge_agent.voice.sounds import MOST_POINTS
from edge_agent.voice.sounds.look import look_of
from edge_agent.voice.spotter import TAIL_S, Candidate, Detection, SecondLook, Spotter, Verdict
from edge_agent.voice.thresholds import verdict_of
from edge_agent.voice.wav import read_wav

BLOCK_BYTES: Final = RATE // 20 * 2
"""0.05 s: how often the partial result is looked at."""

REMEMBER_S: Final = 4.0
OVERLAP_S: Final = 1.5
"""How much audio is decoded again when the grammar changes: longer than most phrases take."""

LATE_S: Final = 0.5
"""How much earlier than it is told the next utterance may have begun: the decoder is behind the audio by the frames
that the network looks ahead and by the rest of a step of 0.18 s (0.25 s in models that do not say)."""

ENDED_S: Final = 1.0
"""How long ago a phrase may have ended when the decoder says that the utterance has: its longest wait for more."""

MOST_READINGS: Final = 12
"""How many readings of a tested utterance are compared: with and without the phrase, and with [unk] around it."""

BEAM_DOUBT: Final = 3.0
"""By how much what lies beyond the beam may be likelier than the beam says, since decoding prunes as it goes: of 290
phrases of people that every reading held, 13 scored less than the beam, by 3.1 at most."""

_BYTES_A_SECOND: Final = RATE * 2


class PhraseStream:
    """One stream of 16 kHz mono s16le audio. Not thread-safe."""

    def __init__(
        self, model: SpeechModel, grammar: Grammar, sensitivity: float = 0.5, *, verdict: Verdict | None = None
    ) -> None:
        """`verdict` takes the place of the model's thresholds, for measuring."""
        self._model = model
        self._grammar = grammar
        self._sensitivity = sensitivity
        self._measures = verdict is not None
        self._verdict = verdict or verdict_of(model.directory, sensitivity)
        self._spotter = Spotter(grammar, self._verdict)
        self._look = look_of(model)
        self._decoder = Decoder(model, grammar.eager_for_vosk)
        self._waiting = bytearray()
        self._remembered = bytearray()
        self._now_s = self._utterance_s = self._since_s = 0.0
        self._longer_known: frozenset[str] = frozenset()

    @property
    def now_s(self) -> float:
        """The end of the audio that was decoded."""
        return self._now_s

    def listen_for(self, grammar: Grammar, model: SpeechModel | None = None) -> None:
        """Take up another grammar from the next sample on, and another model where one is given.

        The newest audio is decoded again, so that a phrase that is being said at this moment is heard whole.
        A phrase that was already over before it was first listened for is not.
        """
        if model is not None:
            self._model, self._verdict = model, verdict_of(model.directory, self._sensitivity)
            self._look = look_of(model)
        if len(self._waiting) < BLOCK_BYTES:  # else nothing was decoded since the last change: its moment is this one
            self._since_s, self._longer_known = self._now_s, frozenset(self._grammar.phrases.values())
        self._spotter = Spotter(
            grammar,
            self._verdict,
            last=self._spotter.last,
            since_s=self._since_s,
            longer_known=self._longer_known,
        )
        self._grammar = grammar
        self._rewind(self._now_s - OVERLAP_S)

    def feed(self, pcm: bytes) -> Iterable[Detection]:
        """Take audio of any length; yield what was heard in it, as soon as it is known."""
        self._waiting += pcm
        while len(self._waiting) >= BLOCK_BYTES:
            yield from self._decode(self._take(BLOCK_BYTES))

    def finish(self) -> Iterable[Detection]:
        """End the stream; yield what was heard at its very end."""
        while True:
            while len(self._waiting) > 1:
                yield from self._decode(self._take(min(BLOCK_BYTES, len(self._waiting) // 2 * 2)))
            yield from self._end_utterance(tuple(word.text for word in self._decoder.finish()))
            if len(self._waiting) <= 1:
                return

    def skip(self, length_bytes: int) -> None:
        """Go on after audio in which nothing was said. It is not given, and what came before it was finished."""
        self._rewind(self._now_s)
        self._now_s += length_bytes / _BYTES_A_SECOND
        self._utterance_s = self._now_s

    def _take(self, length_bytes: int) -> bytes:
        block = bytes(self._waiting[:length_bytes])
        del self._waiting[:length_bytes]
        return block

    def _decode(self, block: bytes) -> Iterable[Detection]:
        self._now_s += len(block) / _BYTES_A_SECOND
        self._remembered += block
        excess = len(self._remembered) - int(REMEMBER_S * _BYTES_A_SECOND)
        if excess > 0:
            del self._remembered[:excess]
        if self._decoder.accept(block):
            yield from self._end_utterance(self._decoder.end_utterance())
        else:
            words = self._decoder.partial()
            if self._spotter.worth_testing(words, self._now_s):
                yield from self._test(words, self._utterance_s, self._now_s - TAIL_S)

    def _end_utterance(self, words: tuple[str, ...]) -> Iterable[Detection]:
        since_s, self._utterance_s = self._utterance_s, self._now_s
        self._spotter.end_utterance()
        yield from self._test(words, since_s)

    def _test(self, words: tuple[str, ...], since_s: float, before_s: float = math.inf) -> Iterable[Detection]:
        """Decode the newest audio as one utterance that ends here, without disturbing the stream's decoder.

        Yield the detection in it, if there is one, and go on from its end.
        """
        window_s = self._spotter.window_s(words)
        if window_s is None:
            return
        if before_s == math.inf:
            window_s += ENDED_S
        held_s = len(self._remembered) / _BYTES_A_SECOND
        since_s = max(since_s - LATE_S, self._now_s - min(window_s, held_s))
        audio = self._newest(since_s)
        readings = Decoder(self._model, self._grammar.for_vosk).readings(audio, MOST_READINGS)
        candidates = self._spotter.candidates(_shifted(readings, since_s), cache(self._stands_out), before_s)
        detection = self._judge(candidates, readings, audio, since_s) if candidates else None
        if detection is not None:
            self._rewind(detection.end_s)
            yield detection

    def _judge(
        self, candidates: Sequence[Candidate], readings: tuple[Reading, ...], audio: bytes, since_s: float
    ) -> Detection | None:
        """Decode once more, without the phrases, only where the answer depends on it."""
        look = self._second_look(audio, since_s)
        if all(self._spotter.window_s(tuple(word.text for word in each.words)) for each in readings):
            if len(readings) < MOST_READINGS and not self._measures:
                sure = self._spotter.judge(candidates[:1], readings, look, doubt=BEAM_DOUBT)
                if sure is not None:
                    return sure
            readings += self._without_phrases(audio)
        return self._spotter.judge(candidates, readings, look)

    def _stands_out(self, start_s: float, end_s: float) -> bool:
        since_s = self._now_s - len(self._remembered) / _BYTES_A_SECOND
        return stands_out(self._remembered, start_s - since_s, end_s - since_s)

    def _second_look(self, audio: bytes, since_s: float) -> SecondLook | None:
        """Return what looks at the sounds of a phrase in `audio`, where that could decide about it."""
        look = self._look
        if look is None:
            return None

        @cache
        def sounds(words: tuple[str, ...], start_s: float, end_s: float) -> float:
            return look.points(audio, words, start_s - since_s, end_s - since_s)

        def points(words: tuple[str, ...], found: Detection) -> float:
            if not self._measures and not self._verdict(replace(found, score=found.score + MOST_POINTS)):
                return 0.0
            return sounds(words, found.start_s, found.end_s)

        return points

    def _without_phrases(self, audio: bytes) -> tuple[Reading, ...]:
        """Return the likeliest reading that holds no phrase, for where all others are too unlikely to be compared.

        In a grammar of nothing else it is dearer by what the phrases took of its share.
        """
        share = math.log(len(self._grammar.phrases) + 1)
        found = Decoder(self._model, NOTHING.for_vosk).readings(audio, 1)
        return tuple(Reading(each.words, each.log_likelihood - share) for each in found)

    def _rewind(self, to_s: float) -> None:
        """Let the audio since `to_s` wait to be decoded again, by a decoder that has heard nothing before it."""
        again = self._newest(to_s)
        self._waiting[:0] = again
        self._remembered.clear()
        self._now_s -= len(again) / _BYTES_A_SECOND
        self._utterance_s = self._now_s
        self._decoder = Decoder(self._model, self._grammar.eager_for_vosk)
        self._spotter.end_utterance()

    def _newest(self, since_s: float) -> bytes:
        length_bytes = max(0, round((self._now_s - since_s) * RATE)) * 2
        return bytes(self._remembered[max(0, len(self._remembered) - length_bytes) :])


def _shifted(readings: Iterable[Reading], by_s: float) -> list[Reading]:
    def shifted(word: Word) -> Word:
        return Word(word.text, round(word.start_s + by_s, 3), round(word.end_s + by_s, 3))

    return [Reading(tuple(map(shifted, reading.words)), reading.log_likelihood) for reading in readings]


def spot_audio(
    pcm: bytes, phrases: Iterable[str], model: SpeechModel, vocabulary: Vocabulary, sensitivity: float = 0.5
) -> list[Detection]:
    """Return what is heard in 16 kHz mono s16le audio. Raise UnknownWordError for a phrase that cannot be heard."""
    stream = PhraseStream(model, build_grammar(phrases, vocabulary), sensitivity)
    return [*stream.feed(pcm), *stream.finish()]


def spot_file(path: Path, phrases: Iterable[str], model: Path, sensitivity: float = 0.5) -> list[Detection]:
    """Return what is heard in a WAV file with the model in that directory, as `edge-agent listen --wav` does.

    Raise VoiceError for a file, model or phrase that cannot be used.
    """
    vocabulary = Vocabulary.parse((model / "graph" / "words.txt").read_text(encoding="utf-8"))
    return spot_audio(read_wav(path), phrases, SpeechModel(model), vocabulary, sensitivity)
