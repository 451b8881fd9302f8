"""What is offered to Wyoming clients, and the `info` that says so. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from edge_agent import __version__
from edge_agent.settings.rooms import VoiceSettings
from edge_agent.voice.dialogue import commands_for
from edge_agent.voice.grammar import normalise
from edge_agent.voice.wyoming.protocol import Message

_ATTRIBUTION: Final = {"name": "Edge Agent, on Vosk", "url": "https://alphacephei.com/vosk/"}


@dataclass(frozen=True)
class Offer:
    """The phrases that may wake, and those that speech is recognised as, by a model of that name."""

    wake: tuple[str, ...]
    answers: tuple[str, ...]
    lang: str
    model: str = ""

    @classmethod
    def of(cls, settings: VoiceSettings) -> "Offer":
        """Return what a device would offer whose model knows every word.

        It answers with its own phrases, those added for others, and the commands.
        """
        added = () if settings.wyoming is None else settings.wyoming.phrases
        commands = (phrase for phrases in commands_for(settings.lang).values() for phrase in phrases)
        answers = tuple(dict.fromkeys((*settings.wake_phrases, *added, *commands)))
        return cls(settings.wake_phrases, answers, settings.lang)

    @cached_property
    def wake_names(self) -> Mapping[str, str]:
        """Return the wake phrases by the names that clients call them by: `hey_kitchen`."""
        return {name_of(phrase): phrase for phrase in self.wake}

    @cached_property
    def message(self) -> Message:
        """Return the `info` that answers `describe`."""
        wake = [self._artifact(name, phrase) | {"phrase": phrase} for name, phrase in self.wake_names.items()]
        known = f"Answers with one of {len(self.answers)} known phrases, or with nothing: no dictation."
        asr = [self._artifact(self.model, known)]
        return Message(
            "info",
            {
                "wake": [_program("Listens for the phrases of this device.", wake)] if wake else [],
                "asr": [_program(known, asr) | {"requires_external_vad": True}] if self.answers else [],
            },
        )

    def _artifact(self, name: str, description: str) -> dict[str, Any]:
        return _named(name, description) | {"languages": [self.lang]}


def name_of(phrase: str) -> str:
    """Return what a client calls a wake phrase: its words in lower case, joined by underscores."""
    return "_".join(normalise(phrase))


def _program(description: str, models: list[dict[str, Any]]) -> dict[str, Any]:
    return _named("edge-agent", description) | {"models": models}


def _named(name: str, description: str) -> dict[str, Any]:
    about = {"name": name, "description": description, "version": __version__}
    return about | {"installed": True, "attribution": _ATTRIBUTION}
