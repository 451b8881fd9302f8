"""What may be said in a situation, and what a phrase means in it. Pure.

The words that belong to the resident (stop, not interested, why this) work during every placement and shortly
after it, whatever its creative says: an advertiser's answers can add to them and never take one over. What holds one
of them ("please stop", "stop by tomorrow") is not listened for then, since "stop" would have to wait for its end.
"tell me more", "send it to my phone", yes and no are listened for where they would lead somewhere.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import Final, assert_never

from edge_agent.model.campaign import END, PHONE, Creative, Turn
from edge_agent.model.formats import Format
from edge_agent.voice.grammar import as_written, contains

ANSWER_WINDOW: Final = timedelta(seconds=8)
"""How long after a placement has ended somebody may begin to speak about it."""

SAID_WITHIN: Final = timedelta(seconds=4)
"""How long after it was begun a phrase about a placement may take to be said and recognised."""

MOST_ANSWERS: Final = 32
"""How many answers of a turn are listened for: for thousands the resident's own words would have to wait."""


class Command(StrEnum):
    """What a resident can say about a placement.

    `MORE` needs something more to tell, `PHONE` a page to send, `YES` and `NO` a question.
    """

    STOP = "stop"
    NOT_INTERESTED = "not_interested"
    MORE = "more"
    WHY = "why"
    PHONE = "phone"
    YES = "yes"
    NO = "no"


_ALWAYS: Final = (Command.STOP, Command.NOT_INTERESTED, Command.WHY)


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
class SendToPhone:
    """Show the creative's companion page, whose QR code a phone can read."""


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


Intent = Stop | NotInterested | More | SendToPhone | Why | Answer | Wake | Nothing

SPOKEN: Final[Mapping[str, Mapping[Command, tuple[str, ...]]]] = MappingProxyType(
    {
        "en": MappingProxyType(
            {
                Command.STOP: ("stop", "no thanks"),
                Command.NOT_INTERESTED: ("not interested",),
                Command.MORE: ("tell me more",),
                Command.WHY: ("why this",),
                Command.PHONE: ("send it to my phone",),
                Command.YES: ("yes", "yes please"),
                Command.NO: ("no",),
            }
        ),
        "zh": MappingProxyType(
            {
                Command.STOP: ("停止", "不用了"),
                Command.NOT_INTERESTED: ("不感兴趣",),
                Command.MORE: ("告诉我更多",),
                Command.WHY: ("为什么是这个",),
                Command.PHONE: ("发到我的手机",),
                Command.YES: ("好的", "是的", "是"),
                Command.NO: ("不要", "不是"),
            }
        ),
    }
)
"""How each command is said, by language; the first of each is the one to show to a person."""


def commands_for(lang: str) -> Mapping[Command, tuple[str, ...]]:
    """Return the commands of a language; a language without its own has those of English."""
    return SPOKEN.get(lang, SPOKEN["en"])


def ends_a_placement(phrase: str) -> bool:
    """Say whether this is one of the resident's ways, in any language, to end a placement."""
    return any(_key(phrase) == _key(each) for commands in SPOKEN.values() for each in commands[Command.STOP])


def belongs_to_the_resident(phrase: str) -> bool:
    """Say whether this is, in any language, one of what works during every placement."""
    return any(_command_of(_key(phrase), lang) in _ALWAYS for lang in SPOKEN)


def phrases_for(
    wake_phrases: tuple[str, ...],
    lang: str,
    playing: Creative | None,
    turn: str,
    *,
    speaking: bool = False,
) -> tuple[str, ...]:
    """Return everything worth listening for, without doubles: the wake phrases always come first.

    `playing` is the creative that is being rendered, or that may still be spoken about; None when there is none.
    `turn` is the id of the turn of a voice_dialogue that is being said, else empty. While the device itself is
    `speaking`, what its own words contain is not listened for, so that it cannot answer or wake itself through its
    own microphone; only the words that stop it always are.
    """
    if playing is None:
        return _without_doubles(wake_phrases)
    commands = commands_for(lang)
    current = _turn_of(playing, turn)
    wanted = [*_ALWAYS]
    wanted += [Command.MORE] if playing.follow_up is not None else []
    wanted += [Command.PHONE] if playing.companion is not None else []
    wanted += [command for command in (Command.YES, Command.NO) if _is_asked_for(command, lang, playing, current)]
    window = [phrase for command in wanted for phrase in commands[command]]
    answers = () if current is None else tuple(_answers_of(current))
    heard = _without_doubles((*wake_phrases, *window, *answers))
    phrases = tuple(each for each in heard if _command_of(_key(each), lang) or not _held_in(each, lang))
    if not speaking:
        return phrases
    spoken = playing.transcript if current is None else current.transcript
    return tuple(phrase for phrase in phrases if ends_a_placement(phrase) or not contains(spoken, phrase))


def intent_of(
    phrase: str,
    lang: str,
    playing: Creative | None,
    turn: str,
    *,
    wake_phrases: tuple[str, ...] | None = None,
    asks: bool = True,
) -> Intent:
    """Return what `phrase` means; arguments as for `phrases_for`.

    What was closed `asks` nothing any more: after "stop", a press or a call, a "yes" is somebody else's.

    Order: the resident's commands and what holds one, the turn's answers (any yes for a yes, any no for a no), what
    the creative offers, the wake phrases. Without `wake_phrases` any phrase that is no command counts as one. A
    command is never a wake phrase, so that a "stop" that comes late wakes nothing.
    """
    said = _key(phrase)
    command = _command_of(said, lang)
    if playing is not None:
        always = command if command in _ALWAYS else _held_in(phrase, lang)
        if always is not None:
            return _intent_of_command(always, playing)
        current = _turn_of(playing, turn)
        next_turn = None if current is None or not asks else _answered(said, command, lang, current)
        if next_turn is not None:
            return SendToPhone() if next_turn == PHONE else Answer(next_turn)
    if command is not None:
        is_answer = command in {Command.YES, Command.NO}
        return Nothing() if playing is None or (is_answer and not asks) else _intent_of_command(command, playing)
    known = wake_phrases is None or any(_key(wake) == said for wake in wake_phrases)
    return Wake(phrase) if known else Nothing()


def _intent_of_command(command: Command, playing: Creative) -> Intent:  # noqa: PLR0911  one line a command
    """Return what a command means about this creative, apart from its turns' answers."""
    match command:
        case Command.STOP:
            return Stop()
        case Command.NOT_INTERESTED:
            return NotInterested()
        case Command.WHY:
            return Why()
        case Command.MORE:
            return More() if playing.follow_up is not None else Nothing()
        case Command.PHONE:
            return SendToPhone() if playing.companion is not None else Nothing()
        case Command.YES if _asks(playing):
            return More() if playing.follow_up is not None else SendToPhone()
        case Command.NO if _asks(playing):
            return Stop()
        case Command.YES | Command.NO:
            return Nothing()
        case _:
            assert_never(command)


def _asks(creative: Creative) -> bool:
    """Whether a creative without turns ends with a question that it can go on from."""
    leads_on = creative.follow_up is not None or creative.companion is not None
    said = "".join(char for char in unicodedata.normalize("NFKC", creative.transcript) if not _closes(char))
    return not creative.turns and leads_on and said.endswith("?")


def _closes(char: str) -> bool:
    """Whether a character may follow the question mark of a question: a space or a closing quote."""
    return char.isspace() or char in "\"'" or unicodedata.category(char) in {"Pe", "Pf"}


def _is_asked_for(command: Command, lang: str, creative: Creative, turn: Turn | None) -> bool:
    """Whether the creative, or its turn, waits for a yes or a no."""
    if turn is None:
        return _asks(creative)
    return any(_command_of(_key(answer), lang) is command for answer in _answers_of(turn))


def _answers_of(turn: Turn) -> dict[str, str]:
    """Return where those answers lead that are listened for."""
    return dict(islice(turn.answers.items(), MOST_ANSWERS))


def _answered(said: str, command: Command | None, lang: str, turn: Turn) -> str | None:
    """Return where this answer leads: the very words first, else, for a yes or a no, those of another one."""
    led = {_key(answer): next_turn for answer, next_turn in _answers_of(turn).items()}
    if said in led or command not in {Command.YES, Command.NO}:
        return led.get(said)
    return next((next_turn for answer, next_turn in led.items() if _command_of(answer, lang) is command), None)


def _command_of(said: str, lang: str) -> Command | None:
    for command, phrases in commands_for(lang).items():
        if any(_key(phrase) == said for phrase in phrases):
            return command
    return None


@lru_cache(512)
def _held_in(said: str, lang: str) -> Command | None:
    """Return the first of the resident's commands whose words are in what is said."""
    commands = commands_for(lang)
    return next((each for each in _ALWAYS if any(contains(said, phrase) for phrase in commands[each])), None)


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


@lru_cache(512)  # asked with every event, about the same few
def _key(phrase: str) -> str:
    """Return what is the same for all that sounds the same: "Yes, please!" is said as "yes please" is."""
    return as_written(phrase)
