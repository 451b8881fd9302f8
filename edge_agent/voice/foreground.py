"""Whether somebody near by begins to speak while others go on behind them. Pure.

A phrase of one word counts where speech begins. Where a television talks there is never a pause, so what begins
there is told by its level: it is louder than all that was heard before it, and what was heard before it goes on as
it did. A word in the middle of a sentence is no louder than the words around it, and what a soft "the" begins comes
after something that was softer still.
"""

from typing import Final

from edge_agent.voice.gate import speech_level
from edge_agent.voice.libvosk import RATE

STEP_S: Final = 0.1
MARGIN_S: Final = 0.05
"""What before a phrase is left out: the decoder's times are no more exact."""

JUST_BEFORE: Final = 3
EARLIER: Final = 15
"""How many steps before a phrase are just before it, and how many at most are compared with those."""

NEARER: Final = 10 ** (4 / 10)
"""How much louder a phrase is than the loudest step before it, in power: 4 dB."""

GOES_ON: Final = 10 ** (8 / 10)
"""How much louder the loudest step just before it may be than the loudest of those earlier: 8 dB."""

_STEP: Final = round(STEP_S * RATE)


def stands_out(audio: bytes | bytearray, start_s: float, end_s: float) -> bool:
    """Say whether what is said from `start_s` to `end_s` of 16 kHz mono s16le audio does.

    Where there is too little audio before it to know what goes on there, it does not.
    """
    last = round((start_s - MARGIN_S) * RATE)
    steps = min(last // _STEP, JUST_BEFORE + EARLIER)
    levels = [_level(audio, last - (step + 1) * _STEP, last - step * _STEP) for step in range(steps)]
    just_before, earlier = levels[:JUST_BEFORE], levels[JUST_BEFORE:]
    if not earlier or max(just_before) > GOES_ON * max(earlier):
        return False
    return _level(audio, round(start_s * RATE), round(end_s * RATE)) >= NEARER * max(levels)


def _level(audio: bytes | bytearray, first: int, end: int) -> float:
    return speech_level(bytes(audio[2 * first : 2 * end]))
