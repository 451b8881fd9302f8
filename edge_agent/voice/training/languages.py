"""The languages that a model can be trained for, beside their lists of texts.

A language is a folder of lists (`texts`), a `PhoneSet`, synthesisers that say where each phone is (`corpus`) and a
way to pronounce its words. docs/voice.md says what to write for another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from edge_agent.voice.training.mandarin_phones import MANDARIN
from edge_agent.voice.training.phones import ENGLISH, PhoneSet

PHONES: Final[Mapping[str, PhoneSet]] = MappingProxyType({"en": ENGLISH, "zh": MANDARIN})
"""The phones of each language; the size of its network's output follows from them."""
