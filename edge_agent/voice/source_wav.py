"""A WAV file as a source of audio (shell: reads a file, and waits for its time)."""

import time
from pathlib import Path

from edge_agent.voice.libvosk import RATE
from edge_agent.voice.sources import BLOCK_BYTES
from edge_agent.voice.wav import read_wav


class WavSource:
    """A WAV file, played once at the pace of a microphone and followed by a second of silence."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._audio = b""
        self._position = 0
        self._due_s = 0.0

    @property
    def is_over(self) -> bool:
        """Whether the file has been played."""
        return self._position >= len(self._audio)

    @property
    def dropped_s(self) -> float:
        """Return 0: a file waits."""
        return 0.0

    def open(self) -> None:
        """Read the file."""
        self._audio = read_wav(self._path) + bytes(2 * RATE)
        self._position = 0
        self._due_s = time.monotonic()

    def read(self, gather_s: float = 0.0) -> bytes:
        """Return the next twentieth of a second, or what is to be gathered, when it is due."""
        length_bytes = max(BLOCK_BYTES, round(gather_s * RATE) * 2)
        block = self._audio[self._position : self._position + length_bytes]
        self._position += len(block)
        self._due_s += len(block) / (2 * RATE)
        time.sleep(max(0.0, self._due_s - time.monotonic()))
        return block

    def close(self) -> None:
        """Forget the audio."""
        self._audio = b""
