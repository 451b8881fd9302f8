"""Which parts of an asset to ask a mirror for, and whether an answer is that part. Pure. Source: RFC 9110, 14."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from edge_agent.packs.source import Piece

_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/(\*|[0-9]{1,15})")


@dataclass(frozen=True, slots=True)
class Part:
    """Neighbouring pieces of one asset, in order: what one Range request asks for, and not a byte more."""

    asset: str
    pieces: tuple[Piece, ...]

    @property
    def start(self) -> int:
        """Where it begins in the asset."""
        return self.pieces[0].offset

    @property
    def length(self) -> int:
        """How many bytes it has."""
        return sum(piece.length for piece in self.pieces)

    @property
    def header(self) -> str:
        """The value of the Range header."""
        return f"bytes={self.start}-{self.start + self.length - 1}"

    def is_told_by(self, content_range: str | None) -> bool:
        """Whether a Content-Range header says that exactly this part is coming."""
        found = _CONTENT_RANGE.fullmatch(content_range or "")
        if found is None:
            return False
        last = self.start + self.length - 1
        is_there = found[3] == "*" or int(found[3]) > last
        return int(found[1]) == self.start and int(found[2]) == last and is_there


def parts_of(pieces: Iterable[Piece], most: int) -> list[Part]:
    """Join neighbours into parts of at most `most` pieces each. What no asset has is left out.

    Assets stay in the order in which they were first named, so that what is wanted first comes first.
    """
    by_asset: dict[str, list[Piece]] = {}
    for piece in pieces:
        if piece.asset:
            by_asset.setdefault(piece.asset, []).append(piece)
    parts: list[Part] = []
    for asset, wanted in by_asset.items():
        run: list[Piece] = []
        for piece in sorted(wanted, key=lambda piece: piece.offset):
            if run and (len(run) == most or run[-1].offset + run[-1].length != piece.offset):
                parts.append(Part(asset, tuple(run)))
                run = []
            run.append(piece)
        parts.append(Part(asset, tuple(run)))
    return parts
