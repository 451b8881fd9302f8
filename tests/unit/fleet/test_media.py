import struct
from datetime import timedelta

import pytest

from edge_agent.fleet.authoring.media import Media, inspect_media
from edge_agent.model.errors import FormatError
from tests.fleets import png, wav

JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    b"\xff\xff\xc2\x00\x11\x08\x02\xd0\x05\x00\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"
)


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(
        name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2) for name, content in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


FMT = struct.pack("<HHIIHH", 1, 1, 16000, 32000, 2, 16)


@pytest.mark.parametrize(
    ("content", "media"),
    [
        (png(1920, 1080), Media("image/png", 1920, 1080)),
        (JPEG, Media("image/jpeg", 1280, 720)),
        (b"GIF89a\x80\x02\x68\x01rest", Media("image/gif", 640, 360)),
        (wav(1.5), Media("audio/wav", dur=timedelta(seconds=1.5))),
        (
            riff((b"LIST", b"odd"), (b"fmt ", FMT), (b"data", bytes(16000))),
            Media("audio/wav", dur=timedelta(seconds=0.5)),
        ),
        (riff((b"fmt ", FMT), (b"data", bytes(32000)))[:-16000], Media("audio/wav", dur=timedelta(seconds=0.5))),
    ],
)
def test_a_file_says_what_it_is_whatever_its_name(content: bytes, media: Media) -> None:
    assert inspect_media("misnamed.mp3", content) == media


def test_a_page_is_known_by_its_name_and_first_letter() -> None:
    assert inspect_media("page.html", b"\n <!doctype html>") == Media("text/html")


@pytest.mark.parametrize(
    "content",
    [
        png()[:14],
        JPEG[:20],
        b"\xff\xd8\xff\xe0",
        b"GIF89a\x01",
        wav()[:30],
        riff((b"data", b"x")),
        riff((b"fmt ", FMT)),
    ],
)
def test_a_cut_file_is_damaged_and_never_guessed_at(content: bytes) -> None:
    with pytest.raises(FormatError, match=r"spring/x\.png is damaged"):
        inspect_media("spring/x.png", content)


def test_what_cannot_be_read_has_to_be_stated() -> None:
    with pytest.raises(FormatError, match="is not a PNG, JPEG, GIF or WAV") as caught:
        inspect_media("clip.mp4", b"\0\0\0\x18ftypmp42")
    assert 'mime = "video/mp4"' in caught.value.next_step
