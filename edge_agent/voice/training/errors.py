"""What can go wrong while a model is trained, each as a sentence a person can act on.

TrainingError
├── MissingToolsError      an apt package or the pip extra is not installed
├── UnknownPhoneError      a synthesiser used a symbol that has no phone here
├── UnknownLanguageError   there are no texts to train that language from
├── NoNetworkError         the network to start from is not there
├── NoRecordingsError      there is nothing to adapt on
└── ToolFailedError        a synthesiser or an OpenFst program failed
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class TrainingError(Exception):
    """Anything that ends a training run early."""


class MissingToolsError(TrainingError):
    """What has to be installed first for `purpose`; `apt` and `pip` hold the names."""

    def __init__(self, apt: Sequence[str], pip: Sequence[str], purpose: str = "Training a voice model") -> None:
        self.apt = tuple(apt)
        self.pip = tuple(pip)
        ways = []
        if apt:
            ways.append(f"`apt-get install --no-install-recommends {' '.join(apt)}`")
        if pip:
            ways.append(f"`pip install 'edge-agent[train]'` (missing: {', '.join(pip)})")
        super().__init__(f"{purpose} needs {' and '.join(ways)}.")


class UnknownPhoneError(TrainingError):
    """A synthesiser's symbol that `phones` does not map; add it there."""

    def __init__(self, symbol: str, source: str, text: str) -> None:
        self.symbol = symbol
        super().__init__(f"{source} says {symbol!r} in {text!r}, and that symbol has no phone.")


class UnknownLanguageError(TrainingError):
    """No words and phrases are shipped for the language."""

    def __init__(self, language: str, known: Sequence[str]) -> None:
        super().__init__(
            f"There are no texts for {language!r}; there are for: {', '.join(known)}. "
            f"Name one of these; docs/voice.md says how to add a language."
        )


class NoNetworkError(TrainingError):
    """There is no network to start from."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"There is no network in {path}. Name the network.pt that an English run left in its --work."
        )


class NoRecordingsError(TrainingError):
    """A folder holds no recordings to adapt on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"There are no recordings to adapt on in {folder}. It needs a folder for each phrase, "
            "named like hey_device, with 16 kHz mono FLAC files."
        )


class ToolFailedError(TrainingError):
    """A program that was asked for speech or for a graph gave neither."""

    def __init__(self, command: Sequence[str], complaint: str) -> None:
        super().__init__(f"`{' '.join(command)}` failed: {complaint.strip()[:400] or 'no output'}")
