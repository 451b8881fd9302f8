"""Ask a finished model for phrases that synthetic voices say: does it work at all?

The voices were heard in training, so this proves the files and the graph, not
how people are understood; `tests/bench/wake` measures that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.voice.grammar import Grammar, build_grammar
from edge_agent.voice.libvosk import Decoder, SpeechModel
from edge_agent.voice.models import check_model
from edge_agent.voice.training.resampling import RATE_HZ
from edge_agent.voice.training.texts import Texts
from edge_agent.voice.training.utterance import Utterance

Speak = Callable[[Sequence[str], Random], Iterator[Utterance]]
"""Says each text by one of the voices of training."""

_PHRASES: Final = 60
_SENTENCES: Final = 60
_SILENCE: Final = np.zeros(RATE_HZ // 2, np.int16)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """Phrases that were said and heard, and sentences in which a phrase was heard wrongly."""

    said: int
    heard: int
    sentences: int
    heard_wrongly: int


def rehearse(model: Path, texts: Texts, speak: Speak, *, seed: int) -> Rehearsed:
    """Say phrases and sentences to `model`, each with a grammar of 12 phrases."""
    draw = Random(seed)
    loaded = SpeechModel(model)
    wakes = tuple(draw.sample([phrase for phrase in texts.phrases if " " in phrase], 12))
    grammar = build_grammar(wakes, check_model(model).vocabulary())  # raises for a word that the model does not know
    said = [draw.choice(wakes) for _ in range(_PHRASES)]
    heard = sum(
        _hears(loaded, grammar, utterance.samples) == phrase
        for phrase, utterance in zip(said, speak(said, draw), strict=True)
    )
    sentences = [draw.choice(texts.sentences) for _ in range(_SENTENCES)]
    wrongly = sum(_hears(loaded, grammar, utterance.samples) is not None for utterance in speak(sentences, draw))
    return Rehearsed(_PHRASES, heard, _SENTENCES, wrongly)


def _hears(model: SpeechModel, grammar: Grammar, samples: NDArray[np.int16]) -> str | None:
    """Return the first phrase of `grammar` that the model hears in `samples`."""
    decoder = Decoder(model, grammar.for_vosk)
    decoder.accept(np.concatenate([_SILENCE, samples, _SILENCE]).astype("<i2").tobytes())
    text = f" {' '.join(word.text for word in decoder.finish())} "
    return next((phrase for words, phrase in grammar.phrases.items() if f" {' '.join(words)} " in text), None)
