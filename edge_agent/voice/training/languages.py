"""The languages that a model can be trained for, beside their lists of texts.

A language is a folder of lists (`texts`), a `PhoneSet`, synthesisers that say where each phone is (`corpus`) and a
way to pronounce its words (`recipe`). docs/voice.md says what to write for another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from edge_agent.voice.training.mandarin_phones import LIKE_ENGLISH, MANDARIN
from edge_agent.voice.training.phones import ENGLISH, PhoneSet


@dataclass(frozen=True, slots=True)
class Language:
    """What its network names, and which English phones each of its phones is like, where it starts from English."""

    phones: PhoneSet
    like_english: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


LANGUAGES: Final[Mapping[str, Language]] = MappingProxyType(
    {"en": Language(ENGLISH), "zh": Language(MANDARIN, LIKE_ENGLISH)}
)
