"""Ways to listen for a phrase: our model alone, our model in the agent's spotter, PocketSphinx's keyphrase search."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import pocketsphinx

from edge_agent.voice.grammar import Vocabulary, build_grammar
from edge_agent.voice.libvosk import Decoder, SpeechModel
from edge_agent.voice.spotting import PhraseStream
from tests.bench.wake.recordings import Clip

CHUNK_BYTES: Final = 3200
"""100 ms, as a microphone would give it."""

_SPHINX_PRONUNCIATIONS: Final = {
    "alexa": "AH L EH K S AH",
    "amelia": "AH M IY L Y AH",
    "athena": "AH TH IY N AH",
    "snowboy": "S N OW B OY",
}
"""Used where PocketSphinx's own dictionary lacks the word."""


class Listener(Protocol):
    """Anything that can be asked whether a recording holds the phrase it listens for."""

    def hears(self, clip: Clip) -> bool:
        """Say whether the phrase is in `clip`, which starts afresh."""
        ...


@dataclass(frozen=True, slots=True)
class Tally:
    """In how many of `clips` recordings the phrase was heard, and what that cost."""

    clips: int
    heard: int
    audio_s: float
    cpu_s: float


def tally(listener: Listener, clips: Iterable[Clip]) -> Tally:
    """Let `listener` hear every clip."""
    count = heard = 0
    audio_s = 0.0
    started = time.process_time()
    for clip in clips:
        count += 1
        audio_s += clip.duration_s
        heard += listener.hears(clip)
    return Tally(count, heard, audio_s, time.process_time() - started)


class ModelListener:
    """Hears a phrase when the results of a recording hold its words in a row.

    Partial results are left out: half a word is often taken for the phrase until its end is heard.
    """

    def __init__(self, model: Path, phrase: str) -> None:
        self._model = SpeechModel(model)
        self._grammar = json.dumps([phrase, "[unk]"])
        self._phrase = f" {phrase} "

    def hears(self, clip: Clip) -> bool:
        decoder = Decoder(self._model, self._grammar)
        pcm = clip.samples.astype("<i2").tobytes()
        words: list[str] = []
        for start in range(0, len(pcm), CHUNK_BYTES):
            if decoder.accept(pcm[start : start + CHUNK_BYTES]):
                words += [word.text for word in decoder.result()]
        words += [word.text for word in decoder.finish()]
        return self._phrase in f" {' '.join(words)} "


class AgentListener:
    """Hears a phrase as the agent does: early, and by the rules of its spotter."""

    def __init__(self, model: Path, phrase: str) -> None:
        self._model = SpeechModel(model)
        vocabulary = Vocabulary.parse((model / "graph" / "words.txt").read_text(encoding="utf-8"))
        self._grammar = build_grammar([phrase], vocabulary)

    def hears(self, clip: Clip) -> bool:
        stream = PhraseStream(self._model, self._grammar)
        pcm = clip.samples.astype("<i2").tobytes()
        return any(True for _ in stream.feed(pcm)) or any(True for _ in stream.finish())


class SphinxListener:
    """PocketSphinx with its own English model, searching for one keyphrase."""

    def __init__(self, phrase: str, threshold: float) -> None:
        model = Path(pocketsphinx.get_model_path()) / "en-us"
        config = pocketsphinx.Config(
            hmm=str(model / "en-us"),
            dict=str(model / "cmudict-en-us.dict"),
            lm=None,
            kws_threshold=threshold,
            logfn="/dev/null",
        )
        self._decoder = pocketsphinx.Decoder(config)
        for word in phrase.split():
            if self._decoder.lookup_word(word) is None:
                self._decoder.add_word(word, _SPHINX_PRONUNCIATIONS[word], update=True)
        self._decoder.add_keyphrase("phrase", phrase)
        self._decoder.activate_search("phrase")

    def hears(self, clip: Clip) -> bool:
        self._decoder.start_utt()
        pcm = clip.samples.astype("<i2").tobytes()
        heard = False
        for start in range(0, len(pcm), CHUNK_BYTES):
            self._decoder.process_raw(pcm[start : start + CHUNK_BYTES], no_search=False, full_utt=False)
            heard = heard or self._decoder.hyp() is not None
        self._decoder.end_utt()
        return heard or self._decoder.hyp() is not None
