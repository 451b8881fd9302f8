"""The languages that a model can be trained for, beside their lists of texts.

A language is a folder of lists (`texts`), a `PhoneSet`, synthesisers that say where each phone is (`corpus`), one of
them for the rehearsal, and a way to pronounce its words; `cards` has its model card. docs/voice.md says what to write
for another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Final

from edge_agent.voice.training.lexicon import Pronunciation, make_lexicon
from edge_agent.voice.training.mandarin import make_mandarin_lexicon, speak_mandarin
from edge_agent.voice.training.mandarin_phones import LIKE_ENGLISH, MANDARIN
from edge_agent.voice.training.phones import ENGLISH, PhoneSet
from edge_agent.voice.training.synthesis import speak_with_espeak
from edge_agent.voice.training.utterance import Utterance


@dataclass(frozen=True, slots=True)
class Language:
    """What a language's network names and how its words are said.

    `pronounce` takes words and the path of CMUdict, `speak` texts. `like_english` says which English phones each of
    its phones is like, where its network starts from an English one.
    """

    phones: PhoneSet
    pronounce: Callable[[Iterable[str], Path], dict[str, tuple[Pronunciation, ...]]]
    speak: Callable[[Sequence[str], Random], Iterator[Utterance]]
    like_english: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


LANGUAGES: Final[Mapping[str, Language]] = MappingProxyType(
    {
        "en": Language(ENGLISH, make_lexicon, speak_with_espeak),
        "zh": Language(MANDARIN, make_mandarin_lexicon, speak_mandarin, LIKE_ENGLISH),
    }
)
