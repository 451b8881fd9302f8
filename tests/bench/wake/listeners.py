"""Ways to listen for phrases: the agent, and PocketSphinx's keyphrase search. Each says how sure it was, and when.

Neither is asked to decide: what would have been heard at which threshold is read off afterwards, for all thresholds
at once.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import pocketsphinx

from edge_agent.voice.grammar import Vocabulary, build_grammar
from edge_agent.voice.libvosk import SpeechModel
from edge_agent.voice.spotter import Detection
from edge_agent.voice.spotting import PhraseStream
from tests.bench.wake.recordings import Clip

CHUNK_BYTES: Final = 3200
"""100 ms, as a microphone would give it."""

ONE_EVENT_S: Final = 1.0
"""What is heard twice within this time is one event, as in the agent it would be."""

_SPHINX_LOWEST: Final = 1e-50
_SPHINX_FRAMES_A_SECOND: Final = 100
_SPHINX_PRONUNCIATIONS: Final = {
    "alexa": "AH L EH K S AH",
    "amelia": "AH M IY L Y AH",
    "athena": "AH TH IY N AH",
    "snowboy": "S N OW B OY",
}
"""Used where PocketSphinx's own dictionary lacks the word."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A phrase may have been said: how sure the listener was, in its own measure, and when."""

    phrase: str
    score: float
    at_s: float


class Listener(Protocol):
    """Anything that can be asked for phrases."""

    def listen(self, clip: Clip, phrases: Sequence[str]) -> list[Heard]:
        """Return what was heard in `clip`, which starts afresh, at the lowest threshold there is."""
        ...


class AgentListener:
    """The agent's own stream, with a threshold that nothing reaches: every candidate is noted, none disturbs it."""

    def __init__(self, model: Path) -> None:
        self._model = SpeechModel(model)
        self._vocabulary = Vocabulary.parse((model / "graph" / "words.txt").read_text(encoding="utf-8"))

    def listen(self, clip: Clip, phrases: Sequence[str]) -> list[Heard]:
        heard: list[Heard] = []

        def note(candidate: Detection) -> bool:
            heard.append(Heard(candidate.phrase, candidate.score, candidate.end_s))
            return False

        stream = PhraseStream(self._model, build_grammar(phrases, self._vocabulary), verdict=note)
        pcm = clip.pcm
        for start in range(0, len(pcm), CHUNK_BYTES):
            list(stream.feed(pcm[start : start + CHUNK_BYTES]))
        list(stream.finish())
        return best_of_each_event(heard)


class SphinxListener:
    """PocketSphinx with its own English model. A keyphrase does not compete with another there."""

    def __init__(self) -> None:
        self._decoders: dict[tuple[str, ...], pocketsphinx.Decoder] = {}

    def listen(self, clip: Clip, phrases: Sequence[str]) -> list[Heard]:
        decoder = self._decoder(tuple(phrases))
        decoder.start_utt()
        decoder.process_raw(clip.pcm, no_search=False, full_utt=True)
        decoder.end_utt()
        return best_of_each_event(
            [
                Heard(each.word.strip(), float(each.prob), each.end_frame / _SPHINX_FRAMES_A_SECOND)
                for each in decoder.seg() or ()
            ]
        )

    def _decoder(self, phrases: tuple[str, ...]) -> pocketsphinx.Decoder:
        if phrases not in self._decoders:
            self._decoders[phrases] = _keyphrase_search(phrases)
        return self._decoders[phrases]


def best_of_each_event(heard: Sequence[Heard]) -> list[Heard]:
    """Keep the surest of what was heard of one phrase within `ONE_EVENT_S`."""
    kept: list[Heard] = []
    for each in sorted(heard, key=lambda one: -one.score):
        if all(each.phrase != other.phrase or abs(each.at_s - other.at_s) > ONE_EVENT_S for other in kept):
            kept.append(each)
    return kept


def _keyphrase_search(phrases: Sequence[str]) -> pocketsphinx.Decoder:
    model = Path(pocketsphinx.get_model_path()) / "en-us"
    config = pocketsphinx.Config(
        hmm=str(model / "en-us"), dict=str(model / "cmudict-en-us.dict"), lm=None, logfn="/dev/null"
    )
    decoder = pocketsphinx.Decoder(config)
    for word in " ".join(phrases).split():
        if decoder.lookup_word(word) is None:
            decoder.add_word(word, _SPHINX_PRONUNCIATIONS[word], update=True)
    with tempfile.NamedTemporaryFile("w", suffix=".kws") as file:
        file.writelines(f"{phrase} /{_SPHINX_LOWEST}/\n" for phrase in phrases)
        file.flush()
        decoder.add_kws("phrases", file.name)
    decoder.activate_search("phrases")
    return decoder
