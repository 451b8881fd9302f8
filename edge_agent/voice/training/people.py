"""Which recordings of people a model may be adapted on, and which only measure it.

Every recording belongs to one part for ever, whatever other recordings there are:
the choice is a hash of its name. Training reads the one part, the benchmark
reports the other.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final, Literal

Part = Literal["adapt", "test"]

SPLIT_SEED: Final = 1

PHRASES_SHARE: Final = 0.25
OTHER_WORDS_SHARE: Final = 0.07
"""How much of what each step of refining sees are people who say a phrase, and people who say something else."""


def part_of(folder: str, stem: str, seed: int = SPLIT_SEED) -> Part:
    """Say which part the recording `folder`/`stem` (its file's name without the ending) is in; half are in each."""
    return "adapt" if sha256(f"{seed}/{folder}/{stem}".encode()).digest()[0] % 2 == 0 else "test"
