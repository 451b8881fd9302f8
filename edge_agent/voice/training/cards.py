"""The model card of each language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from edge_agent.voice.training.mandarin_card import mandarin_card
from edge_agent.voice.training.model_card import Provenance, model_card

CARDS: Final[Mapping[str, Callable[[Provenance], str]]] = MappingProxyType({"en": model_card, "zh": mandarin_card})
