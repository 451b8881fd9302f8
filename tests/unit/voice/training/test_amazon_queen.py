"""Lines of a tiny game that is laid out as Debian's: who says what, which file is whose, what is no game at all."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from random import Random

import numpy as np
import pytest
import soundfile

from edge_agent.voice.training.acted.amazon_queen import FILES, PACKAGE, lines
from edge_agent.voice.training.acted.amazon_queen_script import read_script
from edge_agent.voice.training.acted.line import Line
from edge_agent.voice.training.errors import UnreadableLinesError
from edge_agent.voice.training.resampling import RATE_HZ

THING, FAYE, SOMEBODY, AZURA = 1, 2, 3, 4
JOE, JOE_WHILE_FADING, FROM_NOWHERE = 0, -1, -2

DESCRIPTIONS = ["It's open*02", "Tsk tsk*03These <ahem> crates (sigh)*24are @@ so  heavy^_ @@", "c2c.CUT", "&#($!!"]
REMARKS = [f"Remark {number}*03" for number in range(1, 41)]
ACTORS = ["FAYE-H", "FRANK", "ANDSON-E", "X4_PRINCESS1", "TMPD"]


def numbers(*values: int) -> bytes:
    return struct.pack(f">{len(values)}h", *values)


def with_text(content: bytes, text: str, align: int = 2) -> bytes:
    content += bytes([len(text)]) + text.encode("cp437")
    return content + b"\0" * (-len(content) % align if text else 0)


def opened(content: bytes) -> bytes:
    return b"AmBk".ljust(20, b"\0") + content


def cast() -> bytes:
    things = ((THING, 1, 5), (FAYE, 1, -3), (SOMEBODY, 1, -4), (AZURA, 2, -3))
    plays = ((1, 1, 1), (1, 2, 2), (1, 2, 3), (2, 1, 4), (2, 1, 5))
    return opened(
        numbers(2, 1, len(things), len(DESCRIPTIONS))
        + b"".join(numbers(1, 0, 0, 1, 0, room, 0, picture) for _, room, picture in things)
        + numbers(0, 3, 4)  # the last thing of each room, and of one more
        + numbers(0, 0)  # the rooms' sounds
        + numbers(1, *[7] * 5)  # what can be carried
        + numbers(2, *[7] * 10)  # pictures
        + numbers(3, 0, 1, 2, *[7] * 16)  # areas of the rooms
        + numbers(*[7] * 4 * len(things))
        + numbers(2, *[7] * 6)  # where one walks off
        + numbers(1, *[7] * 4)  # descriptions that change
        + numbers(1, *[7] * 10)  # commands
        + numbers(0, *[7] * 3)  # of an empty table one row is there
        + numbers(1, *[7] * 3)
        + numbers(1, *[7] * 3)
        + numbers(1, *[7] * 4)
        + numbers(1)
        + numbers(1, 7, 7)  # furniture
        + numbers(len(plays), 1, len(ACTORS), 1)
        + b"".join(numbers(*play, *[0] * 9) for play in plays)
    )


def listed() -> bytes:
    texts = [*DESCRIPTIONS, "crates", "R1", "R2", *["open"] * 12, *REMARKS, "an animation", *ACTORS, "FAYE.ACT"]
    return "\r\n".join(texts).encode("cp437")


def choosing(
    key: int, joes: Sequence[tuple[int, str]], others: Sequence[tuple[int, str]], met: tuple[str, str]
) -> bytes:
    content = b"\1" * (32 + 96)
    starts = []
    for listed_texts in (joes, others):
        starts.append(len(content))
        for identity, text in listed_texts:
            content = with_text(content + numbers(0, identity), text, align=4)
    starts.append(len(content))
    for text in met:
        content = with_text(content, text)
    head = numbers(-1, 5, key, len(joes), len(others), *[0] * 6, starts[1], 0, starts[2])
    return opened(head + content[len(head) :])


def playing(steps: Sequence[tuple[bytes, str]]) -> bytes:
    content = b"".join(move for move, _ in steps)
    content = numbers(0, -len(steps), 0, 0, 12 + len(content), 0) + content
    for text in ("*FL", *(text for _, text in steps)):
        content = with_text(content, text)
    return opened(content)


def step(number: int, *, animation: int = 0, moves: int = 0, appears: int = 0, shown: Sequence[int] = ()) -> bytes:
    fields = [number, 0, 0, 0, animation, moves, *[0] * 6, appears, *[0] * 4]
    return numbers(*fields, len(shown), *shown)


def frames(count: int) -> bytes:
    return numbers(*[7] * 10) * count + numbers(-2)


def tone(seconds: float) -> bytes:
    file = BytesIO()
    signal = 0.3 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * 11_025)) / 11_025)
    soundfile.write(file, signal, 11_025, format="MP3")
    return file.getvalue()


def game_files() -> dict[str, bytes]:
    scene = [
        (step(JOE, shown=(1, 2)), "*FRGot it!"),
        (step(THING, moves=1) + frames(2), ""),
        (step(FAYE), "*XY00(237,112)Oh, Joe.*02*04Really?*05"),
        (step(JOE, animation=1, moves=1) + frames(1), "*"),
        (step(SOMEBODY, animation=1, moves=1, appears=3), "It's me"),
        (step(AZURA, shown=(4,)), "No"),
        (step(FROM_NOWHERE, moves=1), "Help!"),
        (step(JOE_WHILE_FADING), "2B or not 2B"),
    ]
    return {
        "QUEEN.JAS": cast(),
        "QUEEN2.JAS": listed(),
        "TAM1.DOG": choosing(
            7,
            [(0, "Hello.*15"), (0x28, "*FRYou and whose army?*03"), (0x30, "Bye")],
            [(0x28, "Me.*04And you*GD, and you*02"), (0x28, "Never heard"), (0xA4, "")],
            ("0", "Hello again"),
        ),
        "MAN2.DOG": choosing(35, [(0x28, "Hi")], [(0x28, "Ho")], ("You again", "0")),
        "C1A.CUT": playing(scene),
        "JOE.ACT": b"no text",
    }


def game(
    sounds: Mapping[str, bytes], files: Mapping[str, bytes], release: bytes = b"CEM10", coding: int = 1
) -> bytes:
    """Lay out `queen.1c`."""
    together = dict(files) | {f"{name}.SB": sound for name, sound in sounds.items()}
    start = 15 + 21 * len(together)
    index, content = b"", b""
    for name, file in together.items():
        index += struct.pack(">12sBII", name.encode(), 1, start + len(content), len(file))
        content += file
    return struct.pack(">4s6s2xBH", b"QTBL", release, coding, len(together)) + index + content


def read(folder: Path, content: bytes) -> list[Line]:
    (folder / "queen.1c").write_bytes(content)
    return list(lines(folder))


def script(files: Mapping[str, bytes]) -> dict[str, tuple[str, str]]:
    said = list(read_script({name: memoryview(content) for name, content in files.items()}))
    assert len({each.file for each in said}) == len(said)
    return {each.file: (each.speaker, each.text) for each in said}


def test_a_line_is_the_speech_of_its_file_at_the_models_rate(tmp_path: Path) -> None:
    (line,) = read(tmp_path, game({"JOE00021": tone(0.5)}, game_files()))
    assert (line.name, line.speaker, line.text) == ("JOE00021", "JOE", "Remark 2")
    assert line.samples.dtype == np.int16
    assert line.samples.ndim == 1
    assert 0.5 * RATE_HZ <= len(line.samples) < 0.8 * RATE_HZ  # MP3 fills its last frames with silence
    loudest_hz = np.argmax(np.abs(np.fft.rfft(line.samples))) * RATE_HZ / len(line.samples)
    assert loudest_hz == pytest.approx(440, abs=5)


def test_text_without_speech_and_speech_without_text_are_no_lines(tmp_path: Path) -> None:
    heard = read(tmp_path, game({"ROCKPAKS": tone(0.1), "070028J2": tone(0.1)}, game_files()))
    assert [line.name for line in heard] == ["070028J2"]


def test_joe_says_remarks_and_then_descriptions_without_what_is_no_word() -> None:
    said = script(game_files())
    assert said["JOE00401"] == ("JOE", "Remark 40")
    assert said["JOE00411"] == ("JOE", "It's open")
    assert [said.get(f"JOE0042{count}", ("", ""))[1] for count in "1234"] == [
        "Tsk tsk",
        "These crates",
        "are so heavy",
        "",
    ]
    assert "JOE00441" not in said


def test_a_dialogue_is_between_joe_and_whom_it_is_named_after() -> None:
    said = {name: each for name, each in script(game_files()).items() if name.startswith("07")}
    assert said == {
        "07SSSSJ1": ("JOE", "Hello."),
        "070028J2": ("JOE", "You and whose army?"),
        "070030J1": ("JOE", "Bye"),
        "070028P1": ("TAMMY", "Me."),
        "070028P2": ("TAMMY", "And you"),
        "070028P3": ("TAMMY", ", and you"),
        "07XXXXJ1": ("JOE", "Hello again"),
    }


def test_two_men_without_names_stay_two() -> None:
    assert script(game_files())["35XXXXP1"] == ("MAN2", "You again")


def test_a_scene_tells_who_speaks_as_far_as_the_room_has_one_actor_for_it() -> None:
    said = {name: each for name, each in script(game_files()).items() if name.startswith("C1A")}
    assert said == {
        "C1A__012": ("JOE", "Got it!"),
        "C1A__032": ("FAYE", "Oh, Joe."),
        "C1A__034": ("FAYE", "Really?"),
        "C1A__051": ("", "It's me"),
        "C1A__061": ("AZURA", "No"),
        "C1A__071": ("", "Help!"),
        "C1A__081": ("JOE", "2B or not 2B"),
    }


def test_the_tenth_piece_is_named_in_hexadecimal() -> None:
    files = game_files() | {"CEND.CUT": playing([(step(JOE), "a*02" * 11)])}
    assert [name[-1] for name in script(files) if name.startswith("CEND_01")] == list("123456789AB")


def broken() -> dict[str, bytes | None]:
    files = game_files()
    whole = game({"JOE00021": b"\xff" * 400}, files)
    return {
        "missing": None,
        "empty": b"",
        "another-file": b"RIFF" + bytes(400),
        "without-speech": game({}, files, release=b"PEM10"),
        "german": game({}, files, release=b"CGM10"),
        "uncompressed": game({}, files, coding=0),
        "cut-in-its-index": whole[:60],
        "cut-in-a-file": game({"JOE00021": tone(0.1)}, files)[:-1],
        "without-texts": game({}, {name: files[name] for name in files if name != "QUEEN2.JAS"}),
        "cast-cut-short": game({}, files | {"QUEEN.JAS": files["QUEEN.JAS"][:-1]}),
        "dialogue-cut-short": game({}, files | {"TAM1.DOG": files["TAM1.DOG"][:-4]}),
        "scene-cut-short": game({}, files | {"C1A.CUT": files["C1A.CUT"][:-4]}),
        "speech-is-no-mp3": whole,
    }


@pytest.mark.parametrize("kind", list(broken()))
def test_what_is_not_the_game_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    content = broken()[kind]
    path = tmp_path / FILES[0].name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableLinesError) as refused:
        list(lines(tmp_path))
    assert str(path) in str(refused.value)
    assert PACKAGE in str(refused.value)


def test_whatever_is_changed_in_it_the_game_is_read_or_refused() -> None:
    draw = Random(11)
    refused = 0
    for _ in range(300):
        files = {name: bytearray(content) for name, content in game_files().items()}
        for content in draw.choices(list(files.values()), k=3):
            content[draw.randrange(len(content))] = draw.randrange(256)
        try:
            list(read_script({name: memoryview(bytes(content)) for name, content in files.items()}))
        except ValueError:
            refused += 1
    assert 0 < refused < 300
