"""Read the English speech of Flight of the Amazon Queen (1995), as Debian packages it: 37 parts, 4.5 hours.

`queen.1c` holds all files of the game. Numbers are big-endian:

- `QTBL`; the release in 6 bytes, its second letter the language (`CEM10`: CD-ROM, English); 2 bytes of zero; how
  speech is coded in 1 byte (0 Creative voice, 1 MP3, 2 Ogg Vorbis, 3 FLAC); the count of files in 2.
- For each file 21 bytes: its name in 12, ended by zero where shorter; which volume it is in (1); where it starts (4);
  how long it is (4).

A file NAME.SB is speech: here MP3 at 11,025 Hz. `amazon_queen_script` tells what is said in it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from edge_agent.voice.training.acted.amazon_queen_script import read_script
from edge_agent.voice.training.acted.line import Line
from edge_agent.voice.training.errors import UnreadableLinesError
from edge_agent.voice.training.resampling import to_model_rate

PACKAGE: Final = "flight-of-the-amazon-queen"
FILES: Final = (Path("/usr/share/scummvm/flight-of-the-amazon-queen/queen.1c"),)

_HEADER: Final = struct.Struct(">4s6s2xBH")
_ENTRY: Final = struct.Struct(">12sxII")
_SIGNATURE: Final = b"QTBL"
_ENGLISH_WITH_SPEECH: Final = b"CE"
_MP3: Final = 1


def lines(folder: Path) -> Iterator[Line]:
    """Yield what is said in `folder`'s game, with the name of its file for a name. UnreadableLinesError."""
    path = folder / FILES[0].name
    try:
        files = _files(path.read_bytes())
        script = list(read_script(files))
    except OSError as error:
        raise UnreadableLinesError(path, PACKAGE, "it cannot be opened") from error
    except ValueError as error:
        raise UnreadableLinesError(path, PACKAGE, str(error)) from error
    for said in script:
        sound = files.pop(f"{said.file}.SB", None)  # for one line only, whatever the script says
        if sound is None:
            continue  # it is shown and never said
        try:
            samples = _decode(sound)
        except soundfile.LibsndfileError as error:
            raise UnreadableLinesError(path, PACKAGE, f"{said.file}.SB in it is no MP3") from error
        yield Line(samples, said.text, said.speaker, said.file)


def _files(content: bytes) -> dict[str, memoryview]:
    if len(content) < _HEADER.size or not content.startswith(_SIGNATURE):
        raise ValueError("it is no archive of the game")
    _, release, coding, count = _HEADER.unpack_from(content)
    if not release.startswith(_ENGLISH_WITH_SPEECH):
        raise ValueError("the game in it is not the English one with speech")
    if coding != _MP3:
        raise ValueError("its speech is not coded as MP3")
    index = memoryview(content)[_HEADER.size : _HEADER.size + count * _ENTRY.size]
    if len(index) < count * _ENTRY.size:
        raise ValueError("it ends within its index")
    files = {}
    for name, start, size in _ENTRY.iter_unpack(index):
        if start + size > len(content):
            raise ValueError("it is cut short")
        files[name.split(b"\0")[0].decode("latin-1")] = memoryview(content)[start : start + size]
    return files


def _decode(sound: memoryview) -> NDArray[np.int16]:
    samples, rate_hz = soundfile.read(BytesIO(sound), dtype="int16", always_2d=True)
    return to_model_rate(samples[:, 0], rate_hz)
