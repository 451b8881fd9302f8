"""What is said in Flight of the Amazon Queen: by whom, and in which of its files of speech.

Numbers are signed 16-bit big-endian, and offsets count from behind the 20 bytes with which each file but QUEEN2.JAS
starts. A text is its length in one byte and its letters; unless it is empty, what follows starts at the next even
offset, or in a dialogue's lists at the next multiple of 4.

Texts hold codes: `*` and two characters turn or move who speaks (`*XY00(237,112)` is the one that is longer). What is
between two codes is a piece, empty or not, and said in a file of its own: the name of the text, then the count of the
piece from 1 in hexadecimal.

- QUEEN2.JAS is lines of text: descriptions of things, names, rooms, 12 verbs, 40 remarks, actors' animations, actors.
  Joe, the hero, says the remarks as JOE0001 and on, and the descriptions as JOE0041 and on.
- X.DOG is a dialogue. Five numbers: the count of its choices, its key among the selected ones, its key in names of
  speech, the counts of Joe's texts and of the other's; 6 more; then the offsets of the other's texts, of what a
  cutaway takes over, of what both say who have met before. From 32 on there are 96 bytes for each choice, then Joe's
  texts. Each text of a list has 2 bytes of nothing and an identity before it. `07` `0028` `J` and the piece name
  Joe's text of identity 0x28 under key 7, `P` the other's; `SSSSJ` is Joe's opening (identity 0), `XXXX` what is said
  by those who have met, where `0` is nothing. Of two texts with one identity the first is said.
- X.CUT is a scene that plays by itself. A number, the count of its steps, two numbers, the offset of its texts (a
  first one that nobody says, then one for each step), a number, and the steps: 17 numbers, the count of people shown
  and their numbers, and, where the step moves a picture, records of 20 bytes until a -2. The name is X filled up to 5
  with `_` and the count of the step in two digits.
- QUEEN.JAS tells who is where (`_read_cast`).
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_HEADER_BYTES: Final = 20
_VERBS: Final = 12
_REMARKS: Final = 40
_JOE: Final = "JOE"
_NOTHING: Final = "0"

_CODE: Final = re.compile(r"\*(?:XY.{11}|..)", re.DOTALL)
_NOT_SAID: Final = re.compile(r"<[^>]*>|\([^)]*\)|@|\^_")
"""Noises such as <ahem>, (sigh), "(Y/N)", signs for a sung line, and the sign for a trade mark."""
_TEXT: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 .,'!?\":&-]+")

_SAME_ACTOR: Final = re.compile(r"^X\d+_|-[A-Z]$|_[A-Z]+$|(?<!^MAN)\d+$")
"""What an actor's name has more than the person's, for another costume or place; MAN1 and MAN2 are two men."""
_PERSONS: Final[Mapping[str, str]] = {
    "AND": "ANDERSON",
    "ANDSON": "ANDERSON",
    "JIM": "JIMMY",
    "JOHN": "JOHAN",
    "LARIS": "MIKE",
    "PRIN": "AZURA",
    "PRINCESS": "AZURA",
    "SEC": "SECRETARY",
    "TALLPYG": "PYGMY",
    "TAM": "TAMMY",
    "WEDGE": "WEDGEWOOD",
}
"""Short names in those of dialogues, and names of one person before and after we get to know her."""
_NOBODY: Final = "TMPD"


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of text, who says it ("" where several might), and the name of its file of speech without `.SB`."""

    file: str
    speaker: str
    text: str


def read_script(files: Mapping[str, memoryview]) -> Iterator[Said]:
    """Yield all pieces that are words, in the order of `files`; some of them have no speech.

    ValueError when a file is missing or ends early.
    """
    if missing := {"QUEEN.JAS", "QUEEN2.JAS"} - files.keys():
        raise ValueError(f"{min(missing)} is not in it")
    texts = bytes(files["QUEEN2.JAS"]).decode("cp437").splitlines()
    game = _opened(files["QUEEN.JAS"])
    rooms, names, objects, descriptions = game.numbers(4)
    remarks = descriptions + names + rooms + _VERBS
    joes = texts[remarks : remarks + _REMARKS] + texts[:descriptions]
    for number, text in enumerate(joes, 1):
        yield from _pieces(f"JOE{number:04}", _JOE, text)
    cast = _read_cast(game, rooms, objects, texts[remarks + _REMARKS :])
    for name, content in files.items():
        stem, _, kind = name.rpartition(".")
        try:
            if kind == "DOG":
                yield from _dialogue(stem, _opened(content))
            elif kind == "CUT":
                yield from _scene(stem, _opened(content), cast)
        except ValueError as error:
            raise ValueError(f"{name} in it is broken") from error


def _pieces(name: str, speaker: str, text: str) -> Iterator[Said]:
    for count, piece in enumerate(_CODE.split(text), 1):
        words = " ".join(_NOT_SAID.sub("", piece).split())
        if _TEXT.fullmatch(words):
            yield Said(f"{name}{count:X}", speaker, words)


def _dialogue(stem: str, reader: _Reader) -> Iterator[Said]:
    choices, _, key, joes, others = reader.numbers(5)
    reader.skip(12)
    other_at, _, met_at = (number & 0xFFFF for number in reader.numbers(3))
    other = _person(stem)
    for at, count, speaker, letter in ((32 + 96 * abs(choices), joes, _JOE, "J"), (other_at, others, other, "P")):
        reader.at = at
        for identity, text in _identified(reader, count).items():
            if identity:
                yield from _pieces(f"{key:02}{identity:04X}{letter}", speaker, text)
            elif speaker == _JOE:
                yield from _pieces(f"{key:02}SSSSJ", speaker, text)
    reader.at = met_at
    for speaker, letter in ((other, "P"), (_JOE, "J")):
        text = reader.text()
        if text != _NOTHING:
            yield from _pieces(f"{key:02}XXXX{letter}", speaker, text)


def _identified(reader: _Reader, count: int) -> dict[int, str]:
    texts: dict[int, str] = {}
    for _ in range(count):
        reader.skip(2)
        (identity,) = reader.numbers(1)
        texts.setdefault(identity & 0xFFFF, reader.text(align=4))
    return texts


def _scene(stem: str, reader: _Reader, cast: Sequence[_Placed]) -> Iterator[Said]:
    _, steps, _, _, texts_at, _ = reader.numbers(6)
    texts = _Reader(reader.content, texts_at & 0xFFFF)
    texts.text()
    for step in range(1, abs(steps) + 1):
        yield from _pieces(f"{stem:_<5}{step:02}", _step(reader, cast), texts.text())


def _step(reader: _Reader, cast: Sequence[_Placed]) -> str:
    """Read a step and return who speaks in it: Joe is 0 and -1, the others less than that are voices from nowhere."""
    step = reader.numbers(17)
    number, animation, moves, appears = step[0], step[4], step[5], step[12]
    reader.skip(2 * reader.numbers(1)[0])
    who = _Placed(person=number in {0, -1}, speaker=_JOE if number in {0, -1} else "")
    if 0 < number <= len(cast):
        who = cast[number - 1]
    if number >= -1 and moves and appears <= 0 and (animation or not who.person):
        while reader.numbers(1) != (-2,):
            reader.skip(18)
    return who.speaker


@dataclass(frozen=True, slots=True)
class _Placed:
    """A thing in a room; `person` when it may speak. `speaker` is "" where it is not known."""

    person: bool
    speaker: str


def _read_cast(reader: _Reader, rooms: int, objects: int, actor_texts: Sequence[str]) -> tuple[_Placed, ...]:
    """Read from QUEEN.JAS, behind its four counts, who each of the things is.

    A thing is 8 numbers, of which the sixth is its room and the last -3 or -4 for a person. Of tables that do not
    matter here follow those for rooms, things and commands. Then the counts of actors, animations, actors' names and
    files, and the actors: 12 numbers, of which the first is a room, the second which of the room's persons it plays
    (there may be several for different times), and the third its name.
    """
    things = [reader.numbers(8) for _ in range(objects)]
    reader.skip(2 * (2 * rooms + 1))
    for size in (10, 10):
        reader.skip_table(size)
    for _ in range(rooms):
        _, areas = reader.numbers(2)
        reader.skip(16 * areas)
    reader.skip(8 * objects)
    for size in (6, 8):
        reader.skip_table(size)
    for size in (20, 6, 6, 6, 8):
        reader.skip_table(size, least=1)
    reader.skip(2)
    reader.skip_table(4)
    actors, animations, names, _ = reader.numbers(4)
    actor_names = actor_texts[animations : animations + names]
    playing: dict[tuple[int, int], set[str]] = {}
    for _ in range(actors):
        room, which, name, *_ = reader.numbers(12)
        if 0 < name <= len(actor_names) and actor_names[name - 1] != _NOBODY:
            playing.setdefault((room, which), set()).add(_person(actor_names[name - 1]))
    persons: Counter[int] = Counter()
    cast = []
    for thing in things:
        room, picture = thing[5], thing[7]
        if picture not in {-3, -4}:
            cast.append(_Placed(person=False, speaker=""))
            continue
        persons[room] += 1
        speakers = playing.get((room, persons[room]), set())
        cast.append(_Placed(person=True, speaker=next(iter(speakers)) if len(speakers) == 1 else ""))
    return tuple(cast)


def _person(actor: str) -> str:
    name = _SAME_ACTOR.sub("", actor)
    return _PERSONS.get(name, name)


def _opened(content: memoryview) -> _Reader:
    return _Reader(content[_HEADER_BYTES:])


@dataclass(slots=True)
class _Reader:
    """A file of the game and the place in it that is read next. ValueError past its end."""

    content: memoryview
    at: int = 0

    def numbers(self, count: int) -> tuple[int, ...]:
        return struct.unpack(f">{count}h", self._take(2 * count))

    def skip(self, count_bytes: int) -> None:
        self._take(count_bytes)

    def skip_table(self, row_bytes: int, *, least: int = 0) -> None:
        self.skip(row_bytes * max(self.numbers(1)[0], least))

    def text(self, align: int = 2) -> str:
        size = self._take(1)[0]
        letters = bytes(self._take(size)).decode("cp437")
        if size:
            self.at += -self.at % align
        return letters

    def _take(self, size: int) -> memoryview:
        if size < 0 or self.at + size > len(self.content):
            raise ValueError("it ends early")
        taken = self.content[self.at : self.at + size]
        self.at += size
        return taken
