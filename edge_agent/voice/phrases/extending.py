"""A model's graph with more words: what is there stays as it is, and the new words get branches of their own.

The graph is read back as text, so that every cost in it stays what it was, whoever chose it. New words hang from the
same loop as the old ones and end where they end (`training.graph` says how such a graph is made).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_agent.model.errors import VoiceError
from edge_agent.voice.training.graph import Arcs, add_words, compile_any_order, compile_lookahead, print_lookahead
from edge_agent.voice.training.lexicon import Pronunciation
from edge_agent.voice.training.phones import SILENCE, PositionedPhone

_MARKS = ("B", "E", "I", "S")


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where words begin and end in a graph, and how many states it has."""

    loop: int
    word_end: int
    states: int


def read_phones(graph: Path) -> dict[str, PositionedPhone]:
    """Return the phones of the model whose graph that is, by name with position (`ae_B`); silence is left out.

    Raise VoiceError where the model was not made by `edge-agent model train`.
    """
    try:
        lines = (graph / "phones.txt").read_text("utf-8").splitlines()
        rows = [(name, int(number)) for name, number in (line.split() for line in lines)]
    except (OSError, ValueError) as error:
        raise not_ours(graph) from error
    found = {name: PositionedPhone(name, number, 0) for name, number in rows if name != SILENCE}
    if not found or any(name.rpartition("_")[2] not in _MARKS for name in found):
        raise not_ours(graph)
    return found


def read_words(graph: Path) -> dict[str, int]:
    """Return the words of a graph and their numbers."""
    rows = (line.split() for line in (graph / "words.txt").read_text("utf-8").splitlines())
    return {word: int(number) for word, number in rows}


def extend_graph(graph: Path, out: Path, added: Mapping[str, Sequence[Pronunciation]]) -> None:
    """Write `HCLr.fst`, `Gr.fst` and `words.txt` of `graph` with the words of `added` into the folder `out`.

    A word that is known already can be said in the added ways too. Raise VoiceError where the graph is not of our
    making, `ToolFailedError` where an OpenFst program fails.
    """
    phones, numbers = read_phones(graph), read_words(graph)
    text = print_lookahead(graph / "HCLr.fst")
    shape = _shape(text, graph)
    arcs = Arcs(states=shape.states, lines=text.splitlines())
    for word in sorted(added):
        numbers.setdefault(word, max(numbers.values()) + 1)
    add_words(arcs, added, phones, numbers, loop=shape.loop, word_end=shape.word_end)
    out.mkdir(parents=True, exist_ok=True)
    relabelled = compile_lookahead(out / "HCLr.fst", "\n".join([*arcs.lines, ""]))
    ids = {word: relabelled.get(number, number) for word, number in numbers.items()}
    in_order = sorted(ids.items(), key=lambda item: item[1])
    (out / "words.txt").write_text("".join(f"{word} {number}\n" for word, number in in_order), "utf-8")
    compile_any_order(out / "Gr.fst", [number for word, number in in_order if number])


def not_ours(place: Path) -> VoiceError:
    """Return the error of a model that others made: nothing tells how its graph came about."""
    return VoiceError(
        f"Words cannot be added to {place}: it was not made by edge-agent model train.",
        "Use the packaged model, or one that you trained.",
    )


def _shape(text: str, graph: Path) -> _Shape:
    loops: set[int] = set()
    ends: set[int] = set()
    last = 0
    for line in text.splitlines():
        fields = line.split()
        if len(fields) <= 2:  # noqa: PLR2004  a final state and its cost
            loops.add(int(fields[0]))
            continue
        last = max(last, int(fields[0]), int(fields[1]))
        if fields[3] != "0":
            ends.add(int(fields[1]))
    if len(loops) != 1 or len(ends) != 1:
        raise not_ours(graph)
    return _Shape(loops.pop(), ends.pop(), last + 1)
