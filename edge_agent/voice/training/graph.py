"""Build Vosk's lookahead graph from a lexicon, with OpenFst's command line tools.

`HCLr.fst` takes transition-ids and gives words: a start with optional silence, a
prefix tree of pronunciations, and `[unk]`, a free string of any phones that
stands for everything that is not in the grammar. The ways to say a word part and meet
again, and each word is one arc at its end, so no disambiguation symbols are needed.
`Gr.fst` lets any word follow any word; Vosk uses it where no grammar is given.

Costs are natural logarithms, as Kaldi has them. `UnknownWordCosts` decide, with
the acoustic scale, how readily a phrase is preferred to `[unk]`: they are the
model's operating point.
"""

from __future__ import annotations

import math
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edge_agent.voice.training.errors import ToolFailedError
from edge_agent.voice.training.phones import SILENCE, PositionedPhone, phone_table, positions
from edge_agent.voice.training.requirements import lookahead_library

UNKNOWN_WORD: Final = "[unk]"
_EPSILON: Final = "<eps>"
SILENCE_STAYS: Final = 0.9
PHONE_STAYS: Final = 0.6
_SILENCE_BETWEEN_WORDS: Final = 0.5
_BOUNDARY: Final = {"B": "begin", "E": "end", "I": "internal", "S": "singleton"}

Lexicon = Mapping[str, Sequence[Sequence[str]]]
"""Pronunciations (phones) of each word; at least one each."""


@dataclass(frozen=True, slots=True)
class UnknownWordCosts:
    """What one `[unk]` costs, and each of its phones on top."""

    word: float
    phone: float


@dataclass(slots=True)
class Arcs:
    """A transducer in the making, as lines of OpenFst's text; `states` counts those that it has."""

    states: int = 0
    lines: list[str] = field(default_factory=list)

    def state(self) -> int:
        """Make one more state and return its number."""
        self.states += 1
        return self.states - 1

    def add(self, source: int, target: int, taken: int, given: int, cost: float) -> None:
        """Lead from `source` to `target`, taking one label and giving another (0: none)."""
        self.lines.append(f"{source}\t{target}\t{taken}\t{given}\t{cost:.5f}")

    def dwell(self, phone: PositionedPhone) -> int:
        """Make the state in which `phone` goes on: its self-loop."""
        state = self.state()
        self.add(state, state, phone.self_loop, 0, -math.log(_stays(phone)))
        return state

    def enter(self, source: int, target: int, phone: PositionedPhone, cost: float = 0.0) -> None:
        """Lead from `source` to the state of `phone` by its forward transition."""
        self.add(source, target, phone.forward, 0, cost - math.log(1 - _stays(phone)))

    def emit(self, source: int, phone: PositionedPhone, cost: float = 0.0) -> int:
        """Enter a new state of `phone` and return it."""
        target = self.dwell(phone)
        self.enter(source, target, phone, cost)
        return target

    def text(self, final: int) -> str:
        """Return the whole as `fstcompile` reads it."""
        return "\n".join([*self.lines, f"{final}\t0", ""])


def _stays(phone: PositionedPhone) -> float:
    return SILENCE_STAYS if phone.name == SILENCE else PHONE_STAYS


@dataclass(frozen=True, slots=True)
class _Branch:
    """Of a tree of pronunciations: what may follow, and the words that end here."""

    next: dict[str, _Branch] = field(default_factory=dict)
    words: set[int] = field(default_factory=set)


def build_graph(folder: Path, lexicon: Lexicon, phones: Sequence[str], costs: UnknownWordCosts) -> None:
    """Write `HCLr.fst`, `Gr.fst`, `words.txt` and what belongs to them into `folder`.

    Raise `ToolFailedError` where an OpenFst program fails.
    """
    (folder / "phones").mkdir(parents=True, exist_ok=True)
    table = phone_table(phones)
    words = [_EPSILON, UNKNOWN_WORD, *sorted(set(lexicon) - {UNKNOWN_WORD})]
    numbers = {word: number for number, word in enumerate(words)}
    relabelled = compile_lookahead(folder / "HCLr.fst", _hcl(lexicon, table, numbers, costs))
    ids = {word: relabelled.get(number, number) for word, number in numbers.items()}
    in_order = sorted(ids.items(), key=lambda item: item[1])
    (folder / "words.txt").write_text("".join(f"{word} {number}\n" for word, number in in_order))
    compile_any_order(folder / "Gr.fst", [ids[word] for word in words if word != _EPSILON])
    (folder / "disambig_tid.int").write_text("")
    (folder / "phones.txt").write_text("".join(f"{phone.name} {phone.id}\n" for phone in table))
    (folder / "phones" / "word_boundary.int").write_text(
        "".join(f"{phone.id} {_BOUNDARY.get(phone.name[-1], 'nonword')}\n" for phone in table)
    )


def _hcl(
    lexicon: Lexicon, table: Sequence[PositionedPhone], numbers: Mapping[str, int], costs: UnknownWordCosts
) -> str:
    by_name = {phone.name: phone for phone in table}
    arcs = Arcs()
    start, loop = arcs.state(), arcs.state()
    silent, spoken = -math.log(_SILENCE_BETWEEN_WORDS), -math.log(1 - _SILENCE_BETWEEN_WORDS)
    arcs.add(start, loop, 0, 0, spoken)
    arcs.add(arcs.emit(start, by_name[SILENCE], silent), loop, 0, 0, 0.0)
    word_end, pause = arcs.state(), arcs.state()
    arcs.add(arcs.emit(pause, by_name[SILENCE]), loop, 0, 0, 0.0)
    arcs.add(word_end, loop, 0, 0, spoken)
    arcs.add(word_end, pause, 0, 0, silent)
    add_words(arcs, lexicon, by_name, numbers, loop=loop, word_end=word_end)
    _add_unknown_word(arcs, table, loop=loop, word_end=word_end, number=numbers[UNKNOWN_WORD], costs=costs)
    return arcs.text(final=loop)


def add_words(
    arcs: Arcs,
    lexicon: Lexicon,
    phones: Mapping[str, PositionedPhone],
    numbers: Mapping[str, int],
    *,
    loop: int,
    word_end: int,
) -> None:
    """Add a prefix tree of all pronunciations, in which what goes on alike is there once.

    So the ways to say one word cost a state where they differ, and not the rest of the word each time.
    """
    root = _Branch()
    for word in sorted(lexicon):
        for pronunciation in lexicon[word]:
            branch = root
            for phone, position in zip(pronunciation, positions(len(pronunciation)), strict=True):
                branch = branch.next.setdefault(f"{phone}_{position}", _Branch())
            branch.words.add(numbers[word])
    made: dict[tuple[object, ...], int] = {}

    def state_of(name: str, branch: _Branch) -> int:
        """Return the state of the phone `name` from which things go on as from `branch`."""
        after = tuple(sorted((name, state_of(name, each)) for name, each in branch.next.items()))
        like = (name, after, tuple(sorted(branch.words)))
        if like not in made:
            made[like] = state = arcs.dwell(phones[name])
            for following, target in after:
                arcs.enter(state, target, phones[following])
            for number in like[2]:
                arcs.add(state, word_end, 0, number, 0.0)
        return made[like]

    for name, branch in sorted(root.next.items()):
        arcs.enter(loop, state_of(name, branch), phones[name])


def _add_unknown_word(
    arcs: Arcs, table: Sequence[PositionedPhone], *, loop: int, word_end: int, number: int, costs: UnknownWordCosts
) -> None:
    """Any string of phones: one singleton, or a begin, any internals, and an end."""
    first, inside, last = arcs.state(), arcs.state(), arcs.state()
    ways = {"S": (first, last), "B": (first, inside), "I": (inside, inside), "E": (inside, last)}
    arcs.add(loop, first, 0, 0, costs.word)
    for phone in table:
        if phone.name != SILENCE:
            source, target = ways[phone.name[-1]]
            arcs.add(arcs.emit(source, phone, costs.phone), target, 0, 0, 0.0)
    arcs.add(last, word_end, 0, number, 0.0)


def compile_lookahead(out: Path, text: str) -> dict[int, int]:
    """Write `HCLr.fst` from OpenFst's text, with word lookahead; return how the converter renumbered the words."""
    with _lookahead_type() as scratch:
        pairs, hcl = scratch / "pairs", scratch / "hcl.fst"
        compiled = _run(["fstcompile"], text.encode())
        hcl.write_bytes(_run(["fstarcsort", "--sort_type=olabel"], compiled))
        convert = ["fstconvert", "--fst_type=olabel_lookahead", f"--save_relabel_opairs={pairs}"]
        _run([*convert, str(hcl), str(out)], library_path=scratch)
        return {int(old): int(new) for old, new in (line.split() for line in pairs.read_text().splitlines())}


def print_lookahead(path: Path) -> str:
    """Return the text of an `HCLr.fst`; raise `ToolFailedError` where it is none."""
    with _lookahead_type() as scratch:
        return _run(["fstprint", str(path)], library_path=scratch).decode("ascii")


@contextmanager
def _lookahead_type() -> Iterator[Path]:
    """Yield a scratch folder in which OpenFst finds its lookahead type.

    OpenFst loads a type by the name `<type>-fst.so`, under which Debian does not install it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "olabel_lookahead-fst.so").symlink_to(lookahead_library())
        yield Path(scratch)


def compile_any_order(out: Path, words: Sequence[int]) -> None:
    """Write `Gr.fst`: a loop in which every word and the end are equally likely."""
    cost = math.log(len(words) + 1)
    text = "".join(f"0 0 {word} {word} {cost:.4f}\n" for word in words) + f"0 {cost:.4f}\n"
    compiled = _run(["fstarcsort", "--sort_type=ilabel"], _run(["fstcompile"], text.encode()))
    out.write_bytes(_run(["fstconvert", "--fst_type=const"], compiled))


def _run(command: Sequence[str], standard_input: bytes = b"", *, library_path: Path | None = None) -> bytes:
    environment = dict(os.environ)
    if library_path is not None:
        environment["LD_LIBRARY_PATH"] = str(library_path)
    try:
        done = subprocess.run(command, input=standard_input, capture_output=True, check=True, env=environment)
    except subprocess.CalledProcessError as failure:
        raise ToolFailedError(command, failure.stderr.decode("utf-8", "replace")) from failure
    return done.stdout
