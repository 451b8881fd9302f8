"""What has to be installed before a model can be trained, checked before the first minute is spent."""

from __future__ import annotations

import ctypes
import ctypes.util
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from edge_agent.voice.training.errors import MissingToolsError

CMUDICT: Final = Path("/usr/share/festival/dicts/cmu/cmudict-0.4.out")

_PROGRAMS: Final = {
    "flite": "flite",
    "festival": "festival",
    "fstcompile": "libfst-tools",
    "fstconvert": "libfst-tools",
    "fstarcsort": "libfst-tools",
    "fstprint": "libfst-tools",
}
_FILES: Final = {
    CMUDICT: "festlex-cmu",
    Path("/usr/share/festival/voices/us/cmu_us_slt_arctic_hts"): "festvox-us-slt-hts",
    Path("/usr/share/festival/voices/english/ked_diphone"): "festvox-kdlpc16k",
}
_MODULES: Final = ("numpy", "torch")
_MODULES_FOR_RECORDINGS: Final = ("soundfile",)
_LOOKAHEAD_LIBRARIES: Final = "libfstlookahead.so*"


def check_requirements(*, recordings: bool = False) -> None:
    """Raise `MissingToolsError` naming every apt package and pip module that is missing.

    Training on `recordings` takes one module more.
    """
    apt = {package for program, package in _PROGRAMS.items() if shutil.which(program) is None}
    apt |= {package for path, package in _FILES.items() if not path.exists()}
    if ctypes.util.find_library("espeak-ng") is None:
        apt.add("espeak-ng")
    if "libfst-tools" not in apt and _find_lookahead_library() is None:
        apt.add("libfst-tools")
    pip = [name for name in (*_MODULES, *_MODULES_FOR_RECORDINGS * recordings) if find_spec(name) is None]
    if apt or pip:
        raise MissingToolsError(sorted(apt), pip)


def check_words_can_be_added(*, by_espeak: bool) -> None:
    """Raise `MissingToolsError` where OpenFst's tools are missing, or espeak-ng that is to pronounce words."""
    apt = [] if can_build_graphs() else ["libfst-tools"]
    if by_espeak and ctypes.util.find_library("espeak-ng") is None:
        apt.append("espeak-ng")
    if apt:
        raise MissingToolsError(apt, [], "Adding words to a voice model")


def can_build_graphs() -> bool:
    """Say whether OpenFst's tools and its lookahead type are installed."""
    programs = [program for program, package in _PROGRAMS.items() if package == "libfst-tools"]
    return all(shutil.which(program) for program in programs) and _find_lookahead_library() is not None


def lookahead_library() -> Path:
    """Return OpenFst's lookahead library; raise `MissingToolsError` where there is none."""
    library = _find_lookahead_library()
    if library is None:
        raise MissingToolsError(["libfst-tools"], [])
    return library


def _find_lookahead_library() -> Path | None:
    folders = [Path("/usr/local/lib"), Path("/usr/lib"), Path("/usr/lib64"), *Path("/usr/lib").glob("*-linux-gnu*")]
    found = [path for folder in folders for path in sorted(folder.glob(_LOOKAHEAD_LIBRARIES))]
    return found[0] if found else None
