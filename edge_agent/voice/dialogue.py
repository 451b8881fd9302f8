"""What may be said in a situation, and what a phrase means in it. Pure.

The words that belong to the resident (stop, not interested, why this) work during every placement and shortly
after it, whatever its creative says: an advertiser's answers can add to them and never take one over.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, assert_never

from edge_agent.model.campaign import Creative, Turn
from edge_agent.model.formats import Format
from edge_agent.voice.grammar import normalise

ANSWER_WINDOW: Final = timedelta(seconds=8)
"""How long after a placement has ended its phrases are still listened for."""

END: Final = "end"
"""The id that an answer leads to when it ends the dialogue."""


class Command(StrEnum):
    """What a resident can always say about a placement; `MORE` needs something more to tell."""

    STOP = "stop"
    NOT_INTERESTED = "not_interested"
    MORE = "more"
    WHY = "why"


@dataclass(frozen=True, slots=True)
class Stop:
    """Close it now."""


@dataclass(frozen=True, slots=True)
class NotInterested:
    """Close it now and keep its campaign away."""


@dataclass(frozen=True, slots=True)
class More:
    """Start the creative's follow-up dialogue."""


@dataclass(frozen=True, slots=True)
class Why:
    """Say why this placement was chosen."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to the dialogue's turn: go on with `next_turn`, or end when it is `end`."""

    next_turn: str

    @property
    def ends(self) -> bool:
        """Whether the dialogue is over."""
        return self.next_turn == END


@dataclass(frozen=True, slots=True)
class Wake:
    """One of the device's own phrases, which may be a moment."""

    phrase: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """The phrase means nothing here, such as an answer to a turn that is over."""


Intent = Stop | NotInterested | More | Why | Answer | Wake | Nothing

SPOKEN: Final[Mapping[str, Mapping[Command, tuple[str, ...]]]] = MappingProxyType(
    {
        "en": MappingProxyType(
            {
                Command.STOP: ("stop", "no thanks"),
                Command.NOT_INTERESTED: ("not interested",),
                Command.MORE: ("tell me more",),
                Command.WHY: ("why this",),
            }
        ),
        "zh": MappingProxyType(
            {
                Command.STOP: ("停止", "不用了"),
                Command.NOT_INTERESTED: ("不感兴趣",),
                Command.MORE: ("告诉我更多",),
                Command.WHY: ("为什么是这个",),
            }
        ),
    }
)
"""How each command is said, by language; the first of each is the one to show to a person."""


def commands_for(lang: str) -> Mapping[Command, tuple[str, ...]]:
    """Return the commands of a language; a language without its own has those of English."""
    return SPOKEN.get(lang, SPOKEN["en"])


def phrases_for(
    wake_phrases: tuple[str, ...],
    lang: str,
    playing: Creative | None,
    turn: str,
    has_follow_up: bool,
    *,
    speaking: bool = False,
) -> tuple[str, ...]:
    """Return everything worth listening for, without doubles: the wake phrases always come first.

    `playing` is the creative that is being rendered, or that ended less than `ANSWER_WINDOW` ago; None when
    there is none. `turn` is the id of the turn of a voice_dialogue that is being said, else empty.
    `has_follow_up` says that "tell me more" would lead somewhere. While the device itself is `speaking`, what its
    own words contain is not listened for, so that it cannot answer or wake itself through its own microphone; only
    the words that stop it always are.
    """
    if playing is None:
        return _without_doubles(wake_phrases)
    commands = commands_for(lang)
    window = [*commands[Command.STOP], *commands[Command.NOT_INTERESTED], *commands[Command.WHY]]
    if has_follow_up:
        window += commands[Command.MORE]
    current = _turn_of(playing, turn)
    answers = () if current is None else tuple(current.answers)
    phrases = _without_doubles((*wake_phrases, *window, *answers))
    if not speaking:
        return phrases
    spoken = playing.transcript if current is None else current.transcript
    stops = {_key(phrase) for phrase in commands[Command.STOP]}
    return tuple(phrase for phrase in phrases if _key(phrase) in stops or not _contains(spoken, phrase))


def intent_of(
    phrase: str, lang: str, playing: Creative | None, turn: str, *, wake_phrases: tuple[str, ...] | None = None
) -> Intent:
    """Return what `phrase` means; arguments as for `phrases_for`.

    Order: the resident's commands, the turn's answers, the follow-up, the wake phrases. Without `wake_phrases`
    any phrase that is no command counts as one. A command is never a wake phrase, so that a "stop" that comes
    late wakes nothing.
    """
    said = _key(phrase)
    command = _command_of(said, lang)
    if playing is not None and command is not None and command is not Command.MORE:
        return _intent_of_command(command)
    if playing is not None:
        current = _turn_of(playing, turn)
        for answer, next_turn in {} if current is None else current.answers.items():
            if _key(answer) == said:
                return Answer(next_turn)
    if command is Command.MORE and playing is not None and playing.follow_up is not None:
        return More()
    if command is not None:
        return Nothing()
    known = wake_phrases is None or any(_key(wake) == said for wake in wake_phrases)
    return Wake(phrase) if known else Nothing()


def _intent_of_command(command: Command) -> Intent:
    match command:
        case Command.STOP:
            return Stop()
        case Command.NOT_INTERESTED:
            return NotInterested()
        case Command.MORE:
            return More()
        case Command.WHY:
            return Why()
        case _:
            assert_never(command)


def _command_of(said: str, lang: str) -> Command | None:
    for command, phrases in commands_for(lang).items():
        if any(_key(phrase) == said for phrase in phrases):
            return command
    return None


def _turn_of(creative: Creative, turn: str) -> Turn | None:
    """Return the turn of that id; a dialogue whose turn is not said yet is at its first."""
    if creative.format is not Format.VOICE_DIALOGUE:
        return None
    return next((each for each in creative.turns if each.id == turn), None if turn else creative.turns[0])


def _without_doubles(phrases: Iterable[str]) -> tuple[str, ...]:
    first: dict[str, str] = {}
    for phrase in phrases:
        first.setdefault(_key(phrase), phrase)
    return tuple(first.values())


def _contains(spoken: str, phrase: str) -> bool:
    text, part = " ".join(normalise(spoken)), " ".join(normalise(phrase))
    # Scripts without spaces have no word boundaries to look for.
    return f" {part} " in f" {text} " or (not part.isascii() and part in text)


def _key(phrase: str) -> str:
    return " ".join(phrase.casefold().split())
