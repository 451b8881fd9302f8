"""Pure: cut a hook's output into lines, and notice when it is too much. Never holds more than one line."""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OutputLimits:
    """How much a hook may say. `total_bytes` None: no end, as for `watch`, which the rate alone bounds."""

    line_bytes: int = 4096
    total_bytes: int | None = 65536
    lines_per_window: int = 64
    window_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """One whole line, without its newline."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Breach:
    """The hook broke a limit; `detail` is one sentence. Nothing more is read from it."""

    detail: str


class LineFramer:
    """Bytes in, lines out, in any cut of the bytes; after the first `Breach` it stays silent.

    `now_s` is any clock that does not go back, in seconds.
    """

    def __init__(self, limits: OutputLimits) -> None:
        self._limits = limits
        self._partial = b""
        self._total_bytes = 0
        self._recent: deque[float] = deque(maxlen=limits.lines_per_window)
        self._breached = False

    def feed(self, chunk: bytes, now_s: float) -> list[Line | Breach]:
        """Take what was read and return the lines that it completes, up to a breach."""
        if self._breached:
            return []
        found: list[Line | Breach] = []
        self._total_bytes += len(chunk)
        *whole, partial = (self._partial + chunk).split(b"\n")
        for text in whole:
            breach = self._judge(text, now_s)
            if breach is not None:
                return [*found, self._stop(breach)]
            found.append(Line(text))
        limit = self._limits.total_bytes
        if len(partial) > self._limits.line_bytes:
            return [*found, self._stop(self._too_long())]
        if limit is not None and self._total_bytes > limit:
            return [*found, self._stop(Breach(f"The hook printed more than {limit} bytes."))]
        self._partial = partial
        return found

    def finish(self) -> list[Line]:
        """Return the last line where the hook ended without a newline."""
        partial, self._partial = self._partial, b""
        return [Line(partial)] if partial and not self._breached else []

    def _judge(self, text: bytes, now_s: float) -> Breach | None:
        limits = self._limits
        if len(text) > limits.line_bytes:
            return self._too_long()
        if len(self._recent) == limits.lines_per_window and now_s - self._recent[0] < limits.window_s:
            return Breach(f"The hook printed more than {limits.lines_per_window} lines within {limits.window_s:g} s.")
        self._recent.append(now_s)
        return None

    def _too_long(self) -> Breach:
        return Breach(f"The hook printed a line of more than {self._limits.line_bytes} bytes.")

    def _stop(self, breach: Breach) -> Breach:
        self._breached = True
        self._partial = b""
        return breach
