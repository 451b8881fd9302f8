"""The port to libvosk (shell: native code; every call may take milliseconds, so none belongs on the event loop).

Vosk's Python package imports an HTTP client, a subtitle writer and a progress bar that a device has no use for
(0.2 s and 20 MB resident, measured with 0.3.45). What is needed of it are the library and its cffi description,
so these two files are loaded from the installed package and its `__init__` is not run.
"""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Final

from edge_agent.model.errors import VoiceError

RATE: Final = 16_000
"""Samples a second that every model here is given; one channel of signed 16-bit little-endian integers."""

_MISSING: Final = re.compile(r"(\S+\.so[.\d]*): cannot open shared object file")
_PACKAGES: Final[Mapping[str, str]] = {"libatomic.so.1": "libatomic1", "libstdc++.so.6": "libstdc++6"}
"""Debian's, of the libraries that libvosk needs; those for ARM need libatomic, which small systems lack."""

_LIBRARIES: Final[Mapping[str, str]] = {"linux": "libvosk.so", "darwin": "libvosk.dyld", "win32": "libvosk.dll"}


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word: seconds since the decoder was made."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read an utterance, and how likely it is: a natural logarithm, up to a constant of the utterance.

    The acoustic scale of the model is in it, so that differences are what the decoder itself compares.
    """

    words: tuple[Word, ...]
    log_likelihood: float


@cache
def _folder() -> Path:
    spec = find_spec("vosk")
    if spec is None or not spec.submodule_search_locations:
        raise VoiceError("Vosk is not installed.", "Install edge-agent again, with its dependencies.")
    return Path(spec.submodule_search_locations[0])


def library_path() -> Path:
    """Return where Vosk's native library is. Raise VoiceError where Vosk is not installed."""
    return _folder() / _LIBRARIES.get(sys.platform, "libvosk.so")


@cache
def _library() -> tuple[Any, Any]:
    """Return cffi's `ffi` and the opened library, with Kaldi's own logging silenced."""
    folder = _folder()
    description = spec_from_file_location("edge_agent.voice._vosk_cffi", folder / "vosk_cffi.py")
    try:
        assert description is not None and description.loader is not None  # noqa: PT018, S101  a .py path has both
        module = module_from_spec(description)
        description.loader.exec_module(module)
        library = module.ffi.dlopen(str(library_path()))
    except (ImportError, OSError) as error:
        raise _not_loaded(str(error)) from error
    library.vosk_set_log_level(-1)
    return module.ffi, library


def _not_loaded(reason: str) -> VoiceError:
    """Return the error for what the dynamic linker said."""
    if missing := _MISSING.search(reason):
        name = missing[1]
        package = _PACKAGES.get(name)
        return VoiceError(
            f"Vosk cannot be loaded: this machine has no {name}.",
            f"Run: apt-get install {package}." if package else "Install the package of this system that has it.",
        )
    return VoiceError(
        f"Vosk cannot be loaded on this machine: {reason}.", "Check that its wheel is for this processor."
    )


def ensure_loadable() -> None:
    """Raise VoiceError where Vosk's library cannot be used on this machine."""
    _library()


class SpeechModel:
    """A loaded model: immutable, shared by any number of decoders. Raise VoiceError when Vosk refuses it."""

    def __init__(self, directory: Path) -> None:
        ffi, library = _library()
        handle = library.vosk_model_new(str(directory).encode())
        if handle == ffi.NULL:
            raise VoiceError(f"Vosk cannot read the speech model in {directory}.", "Install the model again.")
        self.directory = directory
        self.handle = ffi.gc(handle, library.vosk_model_free)


class Decoder:
    """One stream of audio decoded against one grammar. Not thread-safe; times count from its first sample."""

    def __init__(self, model: SpeechModel, grammar: str) -> None:
        self._ffi, self._library = _library()
        handle = self._library.vosk_recognizer_new_grm(model.handle, float(RATE), grammar.encode())
        if handle == self._ffi.NULL:
            raise VoiceError(
                f"The speech model in {model.directory} takes no phrases at run time.",
                "Use a model with graph/HCLr.fst and graph/Gr.fst, such as one of the small ones.",
            )
        self._model = model  # the recogniser points into the model: keep it alive for as long
        self._handle = self._ffi.gc(handle, self._library.vosk_recognizer_free)
        self._library.vosk_recognizer_set_words(self._handle, 1)

    def accept(self, pcm: bytes) -> bool:
        """Decode more audio (whole samples); return whether an utterance has ended so that `result` has it."""
        outcome: int = self._library.vosk_recognizer_accept_waveform(self._handle, pcm, len(pcm))
        if outcome < 0:
            raise VoiceError("Vosk failed to decode audio.", "Report this, with the model's name.")
        return outcome == 1

    def partial(self) -> tuple[str, ...]:
        """Return the words of the utterance so far. They may still change, and have no times yet."""
        text = self._json(self._library.vosk_recognizer_partial_result(self._handle)).get("partial", "")
        return tuple(text.split())

    def result(self) -> tuple[Word, ...]:
        """Return the words of the utterance that has just ended; the next one begins."""
        return self._words(self._library.vosk_recognizer_result(self._handle))

    def end_utterance(self) -> tuple[str, ...]:
        """Do the same without times, which would cost a seventh of all decoding."""
        words = self.partial()
        self._library.vosk_recognizer_reset(self._handle)
        return words

    def finish(self) -> tuple[Word, ...]:
        """End the utterance here and return its words; more audio begins the next one."""
        return self._words(self._library.vosk_recognizer_final_result(self._handle))

    def _words(self, answer: Any) -> tuple[Word, ...]:
        return _words_in(self._json(answer))

    def readings(self, pcm: bytes, most: int) -> tuple[Reading, ...]:
        """Decode `pcm` as one whole utterance; return the likeliest ways to read it, best first, `most` of them.

        None is there that is less likely than the best by more than the model's lattice beam.
        """
        self._library.vosk_recognizer_set_max_alternatives(self._handle, most)
        library = self._library
        end = library.vosk_recognizer_result if self.accept(pcm) else library.vosk_recognizer_final_result
        found = self._json(end(self._handle)).get("alternatives", [])
        return tuple(Reading(_words_in(each), float(each["confidence"])) for each in found)

    def _json(self, answer: Any) -> dict[str, Any]:
        decoded: dict[str, Any] = json.loads(self._ffi.string(answer).decode())
        return decoded


def _words_in(answer: Mapping[str, Any]) -> tuple[Word, ...]:
    return tuple(Word(each["word"], each["start"], each["end"]) for each in answer.get("result", ()))
