"""The figures of the table that need no recordings of people: cost, latency, memory, size, a new phrase."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from edge_agent.voice.models import check_model

_NEW_PHRASE: Final = "hello zorbani"
_NAMES: Final = {
    "CPU listening to speech": "speech",
    "CPU listening to silence": "silence",
    "CPU of a whole ear in silence, in real time": "quiet room",
    "what an ear adds to an agent's": "memory",
}


def measure_device(model: Path) -> dict[str, float]:
    """Return the figures by a short name, each measured once, by the benchmark or command that it belongs to."""
    found = {"size": check_model(model).size_bytes / 1e6, "phrase": _new_phrase_s(model)}
    command = [sys.executable, "-m", "tests.bench.voice", "--json", "--model", str(model)]
    rows = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for row in map(json.loads, rows.splitlines()):
        what = row["what"]
        if what in _NAMES:
            found[_NAMES[what]] = row["ours"]
        elif "latency" in what:
            found["median" if "median" in what else "worst"] = row["ours"]
    return found


def _new_phrase_s(model: Path) -> float:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "model"
        arguments = [
            "model",
            "add-phrases",
            _NEW_PHRASE,
            "--model",
            str(model),
            "--out",
            str(out),
            "--anyway",
            "--json",
        ]
        started = time.monotonic()
        subprocess.run([sys.executable, "-m", "edge_agent", *arguments], capture_output=True, check=True)
        return time.monotonic() - started
