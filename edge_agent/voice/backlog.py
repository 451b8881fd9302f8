"""Audio between whoever records it and the thread that decodes it: bounded, the oldest is dropped, and it is said."""

import logging
import threading
from collections import deque
from typing import Final

from edge_agent.voice.libvosk import RATE

KEPT_S: Final = 5.0
"""How far behind the present decoding may be. Later than this nobody waits for an answer any more."""

BYTES_A_SECOND: Final = 2 * RATE

_log = logging.getLogger(__name__)


class Dropping:
    """Says once when audio begins to be dropped, and once how much it was when the present is heard again."""

    def __init__(self) -> None:
        self._dropped_s = 0.0

    def dropped(self, seconds: float) -> None:
        """Note that this much audio was lost."""
        if not self._dropped_s:
            _log.warning("Audio comes faster than it is recognised: the oldest is being dropped.")
        self._dropped_s += seconds

    def caught_up(self) -> None:
        """Note that nothing waits any more."""
        if self._dropped_s:
            _log.warning("Heard again after dropping %.1f s of audio: the processor was too busy.", self._dropped_s)
            self._dropped_s = 0.0


class Backlog:
    """At most `KEPT_S` of 16 kHz mono s16le audio, from one thread to another, in the pieces that it came in."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._pieces: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._wanted_bytes = 1
        self._lost_bytes = 0
        self._dropping = Dropping()
        self.dropped_s = 0.0
        """How much was dropped before what was taken last."""

    def add(self, piece: bytes) -> None:
        """Keep audio, and drop the oldest where it is too much. Never waits for the reader, and logs nothing."""
        with self._changed:
            self._pieces.append(piece)
            self._waiting_bytes += len(piece)
            while self._waiting_bytes > KEPT_S * BYTES_A_SECOND:
                oldest = self._pieces.popleft()
                self._waiting_bytes -= len(oldest)
                self._lost_bytes += len(oldest)
            if self._waiting_bytes >= self._wanted_bytes:  # the reader is not woken up for less
                self._changed.notify()

    def take(self, within_s: float, gather_s: float = 0.0) -> bytes:
        """Return the oldest piece, or nothing when none came within that time.

        With `gather_s`, wait for so much of it, and return as many pieces at once.
        """
        with self._changed:
            wanted = self._wanted_bytes = max(1, int(gather_s * BYTES_A_SECOND))
            self._changed.wait_for(lambda: self._waiting_bytes >= wanted, within_s)
            taken: list[bytes] = []
            while self._pieces and sum(map(len, taken)) < wanted:
                taken.append(self._pieces.popleft())
            piece = b"".join(taken)
            self._waiting_bytes -= len(piece)
            lost_bytes, self._lost_bytes = self._lost_bytes, 0
            is_empty = not self._pieces
        if lost_bytes:
            self.dropped_s += lost_bytes / BYTES_A_SECOND
            self._dropping.dropped(lost_bytes / BYTES_A_SECOND)
        if is_empty:
            self._dropping.caught_up()
        return piece
