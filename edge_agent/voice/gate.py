"""Which audio is worth decoding: what is louder than the room, with what came just before and after it. Pure.

Decoding costs thirty times as much as looking at the level, and a room is silent for most of the day. What is loud
is judged against the quietest moment of the last `FLOOR_S`: a fan or a fridge makes the floor rise within that time,
and a room that falls silent makes it fall at once. docs/voice-measured.md has what other gates cost and lose.

The level is that of x[n] - x[n - 4], at every fourth sample: a comb that passes the middle of speech, lets nothing
of a hum through (-16 dB at 100 Hz), and costs a quarter of looking at every sample.
"""

from __future__ import annotations  # array[int] exists for type checkers only before Python 3.12

import sys
from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from operator import mul, sub
from typing import Final

from edge_agent.voice.libvosk import RATE

BLOCK_S: Final = 0.05
BLOCK_BYTES: Final = round(BLOCK_S * RATE) * 2

LOUDER: Final = 10 ** (6 / 10)
"""How much louder than the room: 6 dB, in power."""

QUIETEST: Final = 25.0
"""The least that a floor may be, in power of 16-bit samples: dithering and the noise of a converter are silence."""

FLOOR_S: Final = 10.0
PRE_ROLL_S: Final = 0.5
"""What is decoded of the time before it became loud: a word begins before its vowel does."""

HANG_OVER_S: Final = 1.0
"""What is decoded after it was loud. The decoder wants up to a second of silence to end an utterance, and the spotter
0.8 s for a phrase that a longer one begins with."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Audio worth decoding, `skipped_bytes` of silence after the passage before it; `ends` when silence follows."""

    skipped_bytes: int
    audio: bytes
    ends: bool = False


class Gate:
    """Follows one stream of 16 kHz mono s16le audio. It begins open: nobody knows yet what is silence here."""

    def __init__(self) -> None:
        self._rest = b""
        self._levels: deque[float] = deque(maxlen=round(FLOOR_S / BLOCK_S))
        self._blocks_left = _HANG_OVER_BLOCKS
        self._pre_roll: deque[bytes] = deque(maxlen=round(PRE_ROLL_S / BLOCK_S))
        self._skipped_bytes = 0

    @property
    def is_open(self) -> bool:
        """Whether what comes now is decoded."""
        return self._blocks_left > 0

    def feed(self, pcm: bytes) -> Iterator[Passage]:
        """Take audio of any length; yield what of it is to be decoded, every sample at most once and in order."""
        pcm = self._rest + pcm
        whole_bytes = len(pcm) // BLOCK_BYTES * BLOCK_BYTES
        self._rest = pcm[whole_bytes:]
        for start in range(0, whole_bytes, BLOCK_BYTES):
            passage = self._judge(pcm[start : start + BLOCK_BYTES])
            if passage is not None:
                yield passage

    def _judge(self, block: bytes) -> Passage | None:
        loud = self._is_loud(block)
        if self.is_open:
            self._blocks_left = _HANG_OVER_BLOCKS if loud else self._blocks_left - 1
            return Passage(0, block, ends=not self.is_open)
        if not loud:
            if len(self._pre_roll) == self._pre_roll.maxlen:
                self._skipped_bytes += BLOCK_BYTES
            self._pre_roll.append(block)
            return None
        self._blocks_left = _HANG_OVER_BLOCKS
        passage = Passage(self._skipped_bytes, b"".join((*self._pre_roll, block)))
        self._pre_roll.clear()
        self._skipped_bytes = 0
        return passage

    def _is_loud(self, block: bytes) -> bool:
        level = speech_level(block)
        self._levels.append(level)
        return level > max(min(self._levels), QUIETEST) * LOUDER


_HANG_OVER_BLOCKS: Final = round(HANG_OVER_S / BLOCK_S)


def speech_level(block: bytes) -> float:
    """Return the mean power of 16-bit audio where speech is: most at 2 kHz, nothing at 0, 4 and 8 kHz."""
    samples = array("h", block)
    if sys.byteorder == "big":
        samples.byteswap()
    quarter = samples[::4]
    steps = list(map(sub, quarter[1:], quarter))
    return sum(map(mul, steps, steps)) / len(steps) if steps else 0.0
