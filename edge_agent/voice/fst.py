"""Whether the bytes of a graph are what OpenFst expects, before native code reads them. Pure.

OpenFst 1.6 to 1.8 write a header (`FstHeader::Write`), then the states and arcs of a `const` transducer as they lie
in memory: per state a cost, the place and number of its arcs and two counts (20 bytes), per arc two labels, a cost
and the next state (16 bytes). An `olabel_lookahead` is a header, the header of the `const` inside it, and after its
arcs what it looks ahead with. Native code takes all of that on trust: an arc that leads out of the table is memory
read out of bounds. Only signed graphs are loaded at all; this keeps a broken one out, too.
"""

import struct
from array import array
from dataclasses import dataclass
from typing import Final

from edge_agent.model.errors import VoiceError

_MAGIC: Final = 2125659606
_ADDED_MAGIC: Final = 446681434
_FIXED: Final = struct.Struct("<iiQqqq")
_NUMBER: Final = struct.Struct("<i")
_COUNT: Final = struct.Struct("<q")
_STATE_BYTES: Final = 20
_ARC_BYTES: Final = 16
_UNALIGNED: Final = 2
"""The version of a `const` whose states follow its header; those of version 1 begin at a multiple of 16."""
_LONGEST_NAME: Final = 32
_NEXT: Final = "Publish the voice pack again, from a model that edge-agent made."


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a graph refers to: the highest label that it takes, and the highest that it gives."""

    taken: int
    given: int


def check_lookahead(content: bytes, name: str) -> Bounds:
    """Return the labels of an `olabel_lookahead` (HCLr.fst). Raise VoiceError where its structure is wrong."""
    kind, end, _ = _header(content, 0, name)
    inside_at = end + _NUMBER.size
    if kind != b"olabel_lookahead" or content[end:inside_at] != _NUMBER.pack(_ADDED_MAGIC):
        raise VoiceError(f"{name} is not a graph that looks ahead.", _NEXT)
    bounds, after, states = _const(content, inside_at, name)
    _check_reach(content, after, states, name)
    return bounds


def check_const(content: bytes, name: str) -> Bounds:
    """Return the labels of a `const` transducer (Gr.fst). Raise VoiceError where its structure is wrong."""
    return _const(content, 0, name)[0]


def _header(content: bytes, at: int, name: str) -> tuple[bytes, int, tuple[int, int, int, int]]:
    """Return the type, where the header ends, and (version, first state, how many states, how many arcs)."""
    if content[at : at + _NUMBER.size] != _NUMBER.pack(_MAGIC):
        raise VoiceError(f"{name} is no graph of OpenFst.", _NEXT)
    try:
        kind, at = _text(content, at + _NUMBER.size)
        arc, at = _text(content, at)
        version, flags, _, start, states, arcs = _FIXED.unpack_from(content, at)
    except struct.error as error:
        raise VoiceError(f"{name} is cut short.", _NEXT) from error
    if arc != b"standard" or flags:
        raise VoiceError(f"{name} is no graph of OpenFst.", _NEXT)
    return kind, at + _FIXED.size, (version, start, states, arcs)


def _text(content: bytes, at: int) -> tuple[bytes, int]:
    (length,) = _NUMBER.unpack_from(content, at)
    at += _NUMBER.size
    if not 0 < length <= _LONGEST_NAME:
        raise struct.error("no name is so long")
    return content[at : at + length], at + length


def _const(content: bytes, at: int, name: str) -> tuple[Bounds, int, int]:
    """Return the labels, where the arcs end, and how many states there are."""
    kind, at, (version, start, states, arcs) = _header(content, at, name)
    if kind != b"const" or version != _UNALIGNED or not 0 <= start < states or arcs <= 0:
        raise VoiceError(f"{name} is no graph of OpenFst.", _NEXT)
    arcs_at = at + states * _STATE_BYTES
    end = arcs_at + arcs * _ARC_BYTES
    if end > len(content):
        raise VoiceError(f"{name} is cut short.", _NEXT)
    table = array("I", content[at:arcs_at])
    places, counts = table[1::5], table[2::5]
    lines = array("i", content[arcs_at:end])
    taken, given, targets = lines[0::4], lines[1::4], lines[3::4]
    if (
        any(place + count > arcs for place, count in zip(places, counts, strict=True))
        or not 0 <= min(targets) <= max(targets) < states
        or min(taken) < 0
        or min(given) < 0
    ):
        raise VoiceError(f"{name} refers to what it does not have.", _NEXT)
    return Bounds(max(taken), max(given)), end, states


def _check_reach(content: bytes, at: int, states: int, name: str) -> None:
    """Check that what is looked ahead with is there, for every state, up to the last byte.

    Which words can be reached from a state, as a list of intervals of their numbers (`LabelReachableData::Write`).
    OpenFst reads a list that is cut short as zeros, without a word.
    """
    try:
        there, first, second, _, is_relabelled = content[at : at + 5]
        if (there, first, second) != (1, 0, 1):
            raise VoiceError(f"{name} is not a graph that looks ahead.", _NEXT)
        at += 5
        if is_relabelled:
            at += _COUNT.size + 8 * _COUNT.unpack_from(content, at)[0]
        (lists,) = _COUNT.unpack_from(content, at + _NUMBER.size)
        at += _NUMBER.size + _COUNT.size
        for _ in range(lists):
            (intervals,) = _COUNT.unpack_from(content, at)
            at += _COUNT.size + 8 * intervals + _NUMBER.size
            if intervals < 0 or at > len(content):
                break
    except (struct.error, ValueError) as error:
        raise VoiceError(f"{name} is cut short.", _NEXT) from error
    if lists != states or at != len(content):
        raise VoiceError(f"{name} is cut short.", _NEXT)
