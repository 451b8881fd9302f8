"""The languages that a model can be trained for, beside their lists of texts.

A language is a folder of lists (`texts`), a `PhoneSet`, synthesisers that say where each phone is (`corpus`) and a
way to pronounce its words (`recipe`). docs/voice.md says what to write for another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from edge_agent.voice.training.mandarin_phones import MANDARIN
from edge_agent.voice.training.phones import ENGLISH, PhoneSet


@dataclass(frozen=True, slots=True)
class Language:
    """What its network must name, and how wide its hidden layers are; None for the usual width (`network`)."""

    phones: PhoneSet
    hidden: int | None = None


LANGUAGES: Final[Mapping[str, Language]] = MappingProxyType(
    {
        "en": Language(ENGLISH),
        # Fewer voices to learn, and the package carries both models: 1.6 MB for 2.6.
        "zh": Language(MANDARIN, hidden=224),
    }
)
