"""A kit for hooks written in Python: read the one request, print events, and wait while hearing SIGTERM.

Python's standard library only. SIGTERM is blocked and asked for while waiting, so that it never interrupts a
half-written file; what comes before `HookIo` exists ends the process, which is a close as well.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

_CLOSING = (signal.SIGTERM, signal.SIGINT)


class Closed(Exception):  # noqa: N818 - not an error: somebody closed the placement
    """SIGTERM came, or the agent is gone."""


class HookIo:
    """One run of a hook. `request` is the parsed request, `runtime` the device's own folder."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._parent = os.getppid()
        signal.pthread_sigmask(signal.SIG_BLOCK, _CLOSING)
        self.runtime = Path(os.environ["EDGE_AGENT_RUNTIME"])
        self.request: dict[str, Any] = json.loads(sys.stdin.readline())
        if self.request.get("v") != 1:
            self.fail(f"this device speaks version 1 of the protocol, not {self.request.get('v')}")

    def is_left_behind(self) -> bool:
        """Whether the agent that started this hook is gone."""
        return os.getppid() != self._parent

    def say(self, event: str, detail: str = "") -> None:
        """Report an event of the play at this moment."""
        line: dict[str, Any] = {"event": event, "t_ms": int((time.monotonic() - self._began) * 1000)}
        if detail:
            line["detail"] = detail[:300]
        print(json.dumps(line), flush=True)

    def fail(self, detail: str) -> NoReturn:
        """Report an error and leave."""
        self.say("error", detail)
        sys.exit(1)

    def wait_until(self, monotonic_s: float) -> None:
        """Wait until that time of the monotonic clock; raise Closed when the placement is to go away."""
        while True:
            left = monotonic_s - time.monotonic()
            if signal.sigtimedwait(_CLOSING, max(0.0, min(left, 0.5))) is not None or self.is_left_behind():
                raise Closed
            if left <= 0:
                return


class Quartiles:
    """Reports firstQuartile, midpoint and thirdQuartile as `fraction` (0 to 1) passes them."""

    def __init__(self, io: HookIo) -> None:
        self._io = io
        self._ahead = [(0.25, "firstQuartile"), (0.5, "midpoint"), (0.75, "thirdQuartile")]

    def reached(self, fraction: float) -> None:
        """Report each quartile up to `fraction` that was not reported yet."""
        while self._ahead and fraction >= self._ahead[0][0]:
            self._io.say(self._ahead.pop(0)[1])


def write_whole(path: Path, value: object) -> None:
    """Replace a JSON file in one step, so that a reader sees the old one or the new one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    partial.replace(path)


def read_object(path: Path) -> dict[str, Any]:
    """Return a JSON file's object, or an empty one where there is no such file or nothing sensible in it."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def now_text() -> str:
    """Return the time of day in UTC (ISO 8601), for `since`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
