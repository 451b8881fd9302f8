"""What a picture or sound says about itself in its first bytes: mime type, pixels, playing time. Pure.

Sources: PNG (ISO/IEC 15948) 11.2.2 IHDR; JPEG (ITU-T T.81) B.2.2 frame header; GIF89a section 18; WebP container
(RFC 9649) section 2.7; RIFF WAVE (Microsoft/IBM 1991) fmt and data chunks.
"""

import struct
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from edge_agent.model.errors import FormatError

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_FRAME_HEADERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MARKER: Final = 0xFF
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_FIX: Final = "Export the file again."
_ENDLESS_BYTES: Final = 0x7FFFFF00
"""What a program writes that does not know yet how long the sound will be is no less."""
_KNOWN_ELSEWHERE: Final = {".mp4": "video/mp4", ".webm": "video/webm", ".mp3": "audio/mpeg", ".ogg": "audio/ogg"}


@dataclass(frozen=True, slots=True)
class Media:
    """What an asset is. `w` and `h` are pixels, 0 for sound; `dur` is its playing time, 0 for stills."""

    mime: str
    w: int = 0
    h: int = 0
    dur: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Wave:
    """How a WAV file holds its sound. `encoding` is its format tag; `missing_bytes` it promises, and has not."""

    encoding: int
    bytes_per_second: int
    sound_bytes: int
    missing_bytes: int


def inspect_media(name: str, content: bytes) -> Media:
    """Return what `content` is, by its own header and never by its name alone.

    Raises FormatError naming the file when it is damaged, or of a kind that cannot be read here, for which the pack
    has to say it: `[assets."name"]` with `mime`, `w`, `h` and `dur`.
    """
    try:
        if content.startswith(_PNG):
            return _png(content)
        if content.startswith(b"\xff\xd8\xff"):
            return _jpeg(content)
        if content.startswith((b"GIF87a", b"GIF89a")):
            return Media("image/gif", *struct.unpack_from("<HH", content, 6))
        if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
            return _wav(content)
    except (struct.error, ValueError, IndexError) as error:
        raise FormatError(f"{name} is damaged: its header cannot be read.", _FIX) from error
    if name.endswith((".html", ".htm")) and content.lstrip()[:1] == b"<":
        return Media("text/html")
    guess = next((mime for suffix, mime in _KNOWN_ELSEWHERE.items() if name.endswith(suffix)), "video/mp4")
    raise FormatError(
        f"{name} is not a PNG, JPEG, GIF or WAV file, so its size and playing time cannot be read from it.",
        f'Say it in the pack: [assets."{name.rpartition("/")[2]}"] with mime = "{guess}", w, h and dur.',
    )


def _png(content: bytes) -> Media:
    if content[12:16] != b"IHDR":
        raise ValueError("no IHDR")
    w, h = struct.unpack_from(">II", content, 16)
    return Media("image/png", w, h)


def _jpeg(content: bytes) -> Media:
    position = 2
    while True:
        if content[position] != _MARKER:
            raise ValueError("no marker")
        while content[position] == _MARKER:
            position += 1
        marker = content[position]
        position += 1
        if marker in _STANDALONE:
            continue
        if marker in _FRAME_HEADERS:
            h, w = struct.unpack_from(">HH", content, position + 3)
            return Media("image/jpeg", w, h)
        position += struct.unpack_from(">H", content, position)[0]


def _wav(content: bytes) -> Media:
    wave = inspect_wave(content)
    return Media("audio/wav", dur=timedelta(milliseconds=round(1000 * wave.sound_bytes / wave.bytes_per_second)))


def inspect_wave(content: bytes) -> Wave:
    """Return how a WAV file holds its sound. Raises ValueError or struct.error for what is none."""
    position, encoding, bytes_per_second = 12, 0, 0
    while position + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, position)
        if name == b"fmt ":
            encoding, _, _, bytes_per_second = struct.unpack_from("<HHII", content, position + 8)
        elif name == b"data":
            if not bytes_per_second:
                raise ValueError("data before fmt")
            there = len(content) - position - 8
            missing = max(0, length - there) if length < _ENDLESS_BYTES else 0
            return Wave(encoding, bytes_per_second, min(length, there), missing)
        position += 8 + length + length % 2
    raise ValueError("no data chunk")
