"""What is said where Vosk's library cannot be opened: the real library, needing what no machine has."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.voice.libvosk import _not_loaded, library_path

NEEDED, ABSENT = b"libstdc++.so.6\0", b"libabsent.so.1\0"
CHECK = """
from edge_agent.model.errors import VoiceError
from edge_agent.settings.rooms import VoiceSettings
from edge_agent.voice.check import check_voice
try:
    print(check_voice(VoiceSettings(source="wav:none.wav", wake_phrases=("hey kitchen",))))
except VoiceError as error:
    print(error.for_person())
"""


def checked(path: Path) -> str:
    """Return what a check of the voice says in a process that finds packages in `path` first."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path), *sys.path])}
    done = subprocess.run([sys.executable, "-c", CHECK], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="the words are those of Linux's dynamic linker")
def test_a_check_names_the_library_that_vosk_needs_and_the_machine_lacks(tmp_path: Path) -> None:
    content = library_path().read_bytes()
    assert NEEDED in content
    package = tmp_path / "vosk"
    package.mkdir()
    (package / "__init__.py").write_text("")
    shutil.copy(library_path().with_name("vosk_cffi.py"), package)
    (package / "libvosk.so").write_bytes(content)
    assert "hey kitchen" in checked(tmp_path), "the copy does not work"
    (package / "libvosk.so").write_bytes(content.replace(NEEDED, ABSENT))
    assert checked(tmp_path) == (
        "Vosk cannot be loaded: this machine has no libabsent.so.1. Install the package of this system that has it."
    )


def test_debians_package_is_named_where_it_is_known() -> None:
    said = (
        "cannot load library '/opt/edge-agent/lib/python3.11/site-packages/vosk/libvosk.so': libatomic.so.1: "
        "cannot open shared object file: No such file or directory"
    )
    assert _not_loaded(said).for_person() == (
        "Vosk cannot be loaded: this machine has no libatomic.so.1. Run: apt-get install libatomic1."
    )


def test_anything_else_is_told_in_the_linkers_own_words() -> None:
    assert "wrong ELF class" in str(_not_loaded("cannot load library 'libvosk.so': wrong ELF class: ELFCLASS64"))
