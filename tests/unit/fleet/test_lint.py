"""Each thing that would fail on a device is found before it is published; what is in order is left in peace."""

import json
import math
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import ExifTags, Image, ImageDraw

from edge_agent.cli import fleet_pack
from edge_agent.cli.fleet_words import hearing
from edge_agent.fleet.authoring.finding import Finding, Level
from edge_agent.fleet.authoring.lint import lint
from edge_agent.fleet.authoring.lint_words import Hearing
from edge_agent.fleet.authoring.measurements import measure_files
from edge_agent.fleet.authoring.preview import write_preview
from edge_agent.model.errors import SettingsError
from edge_agent.packs.formats.manifest import MAX_CREATIVES
from edge_agent.settings.layers import load_profile
from edge_agent.voice.dialogue import MOST_ANSWERS

NOW = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
HEARING = hearing()
PROFILES = [load_profile(name) for name in ("virtual-tv", "virtual-speaker", "virtual-fridge")]
HEAD = 'advertiser = "acme"\nname = "Spring"\nadomain = ["acme.com"]\ncat = ["210"]\n'
POSTER = (
    '[[creatives]]\ncrid = "poster"\nformat = "idle_poster"\nasset = "poster.png"\ndur = 10\n'
    'transcript = "Fresh bread."\n'
)
MENTION = (
    '[[creatives]]\ncrid = "mention"\nformat = "voice_mention"\nasset = "say.wav"\ntranscript = "Fresh bread."\n'
)
DIALOGUE = (
    '[[creatives]]\ncrid = "talk"\nformat = "voice_dialogue"\ntranscript = "Shall I?"\n'
    '[[creatives.turns]]\nid = "ask"\nsay = "say.wav"\ntranscript = "Shall I?"\nanswers = { "%s" = "%s" }\n'
    '[[creatives.turns]]\nid = "bye"\nsay = "say.wav"\ntranscript = "Bye."\n'
)
ITEM = (
    '[[line_items]]\nid = "a"\ncrids = ["poster"]\ntargeting = { moments = ["idle"] }\n'
    "flight = { start = 2026-12-01, end = 2026-12-31 }\n"
)
TEXT = '[assets."poster.png"]\ntext = [[120, 400, 840, 200]]\n'


def poster(ink: str = "black", w: int = 1080, h: int = 1920) -> Image.Image:
    picture = Image.new("RGB", (w, h), "white")
    ImageDraw.Draw(picture).text((120, 420), "Fresh bread", fill=ink, font_size=140)
    return picture


def tone(level_db: float = -20.0, seconds: float = 2.0, rate: int = 16000) -> bytes:
    """Return a WAV of a sine of 1 kHz; one channel with a peak of -20 dBFS has -23 LUFS."""
    at = np.arange(round(seconds * rate)) / rate
    wave = np.clip(10 ** (level_db / 20) * np.sin(2 * math.pi * 1000 * at), -1, 1)
    sound = (wave * 32767).astype("<i2").tobytes()
    head = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    data = b"data" + struct.pack("<I", len(sound)) + sound
    return b"RIFF" + struct.pack("<I", 4 + len(head) + len(data)) + b"WAVE" + head + data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "spring"
    folder.mkdir()
    poster().save(folder / "poster.png")
    (folder / "say.wav").write_bytes(tone())
    return folder


def found(folder: Path, text: str) -> list[Finding]:
    (folder / "pack.toml").write_text(text)
    pack, findings = lint(folder, PROFILES, NOW, HEARING)
    return findings + (list(measure_files(pack)) if pack is not None else [])


def codes(folder: Path, text: str) -> list[tuple[str, str]]:
    return [(finding.level.value, finding.code) for finding in found(folder, text)]


def test_a_pack_in_order_has_no_findings(folder: Path) -> None:
    assert found(folder, HEAD + POSTER + MENTION + TEXT) == []
    assert found(folder, HEAD + POSTER + TEXT + ITEM) == []


@pytest.mark.parametrize(
    ("text", "level", "code", "words"),
    [
        (HEAD, "error", "format", "line_items: it is missing"),
        (HEAD + POSTER + TEXT + ITEM.replace("2026-12-31", "2026-11-30"), "error", "format", "must end after"),
        (HEAD + POSTER + TEXT + ITEM.replace("2026-12", "2026-10"), "error", "flight_over", "ended on 2026-10-31"),
        (
            HEAD + POSTER + TEXT + ITEM.replace("2026-12-31", "2026-12-01T05:00:00"),
            "warning",
            "flight_short",
            "shorter than the 6 hours",
        ),
        (HEAD + POSTER + TEXT + ITEM.replace('"idle"', '"power_on"'), "error", "no_moment", "Devices do at: idle"),
        (HEAD + POSTER.replace("dur = 10", "dur = 31") + TEXT, "error", "no_fit", "It lasts 31 s"),
        (
            HEAD + POSTER + TEXT + ITEM + "caps = [{ count = 5, per = 86400 }, { count = 3, per = 604800 }]\n",
            "warning",
            "cap_idle",
            "5 in 86400 s never counts",
        ),
        (
            HEAD + POSTER + TEXT + ITEM + "caps = [{ count = 5, per = 86400 }, { count = 3, per = 86400 }]\n",
            "error",
            "caps_contradict",
            "two caps for the same 86400 seconds",
        ),
        (
            HEAD + POSTER + TEXT + ITEM + 'pacing = "even"\ngoal = 31\ncaps = [{ count = 1, per = 86400 }]\n',
            "warning",
            "cap_below_goal",
            "allow 30 impressions",
        ),
        (HEAD + POSTER + MENTION + TEXT + ITEM, "warning", "never_placed", "mention: Nothing leads to it"),
        (HEAD.replace("acme.com", "https://acme.com") + POSTER + TEXT, "error", "adomain", "is not a domain name"),
        (HEAD.replace("acme.com", "acme.example") + POSTER + TEXT, "warning", "adomain_reserved", "nobody"),
        (HEAD.replace('cat = ["210"]\n', "") + POSTER + TEXT, "warning", "no_category", "cannot block it"),
        (HEAD.replace("210", "IAB8-5") + POSTER + TEXT, "error", "category", "Content Taxonomy 1.0"),
        (HEAD.replace("210", "food?") + POSTER + TEXT, "error", "category", "no code of a category"),
        (HEAD + POSTER, "warning", "text_unknown", "not measured"),
        (HEAD + POSTER + TEXT.replace("120, 400", "10, 400"), "warning", "safe_area", "outer 5 %"),
        (HEAD + POSTER + TEXT.replace("840", "1840"), "error", "text_outside", "not in the picture"),
        (
            HEAD + POSTER.replace("Fresh bread.", "A few words about this.") + TEXT,
            "error",
            "placeholder",
            "placeholder",
        ),
        (HEAD + POSTER.replace("Fresh bread.", "  ") + TEXT, "error", "placeholder", "Its transcript is empty."),
        (HEAD + MENTION + "dur = 1\n", "warning", "cut_short", "lasts 2 s, and its dur is 1"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
)
def test_what_would_fail_is_one_sentence_with_what_to_do(
    folder: Path, text: str, level: str, code: str, words: str
) -> None:
    findings = found(folder, text)
    assert [(finding.level.value, finding.code) for finding in findings] == [(level, code)]
    assert words in str(findings[0])
    assert findings[0].next_step
    assert "\n" not in str(findings[0])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda folder: poster("#eeeeee").save(folder / "poster.png"), ("warning", "contrast")),
        (lambda folder: poster(w=1080, h=1080).save(folder / "poster.png"), ("error", "no_fit")),
        (lambda folder: poster(w=2200, h=3911).save(folder / "poster.png"), ("error", "no_fit")),
        (lambda folder: poster().save(folder / "poster.png", "JPEG"), ("warning", "suffix")),
        (lambda folder: cut(folder / "poster.png"), ("error", "undecodable")),
        (lambda folder: (folder / "say.wav").write_bytes(tone(-40.0)), ("warning", "loudness")),
        (lambda folder: (folder / "say.wav").write_bytes(tone(-12.0)), ("warning", "loudness")),
        (lambda folder: (folder / "say.wav").write_bytes(tone(-200.0)), ("error", "silent")),
        (lambda folder: (folder / "say.wav").write_bytes(click()), ("warning", "true_peak")),
        (lambda folder: (folder / "say.wav").write_bytes(tone(seconds=16)), ("error", "no_fit")),
        (lambda folder: encoded(folder / "say.wav", "FLOAT"), ("warning", "encoding")),
        (lambda folder: encoded(folder / "say.wav", "ULAW"), ("error", "encoding")),
        (lambda folder: (folder / "say.wav").write_bytes(tone()[:40_000]), ("warning", "cut_off")),
        (lambda folder: moving(folder / "poster.png"), ("warning", "animated")),
        (lambda folder: poster().convert("CMYK").save(folder / "poster.png", "JPEG"), ("warning", "cmyk")),
        (lambda folder: turned(folder / "poster.png"), ("warning", "turned")),
    ],
    ids=[
        *("faint", "square", "huge", "jpeg", "cut", "quiet", "loud", "silent", "peaks", "long"),
        *("float", "compressed", "cut off", "moving", "for print", "turned"),
    ],
)
def test_files_are_measured(folder: Path, change: Callable[[Path], object], code: tuple[str, str]) -> None:
    change(folder)
    kept = [one for one in codes(folder, HEAD + POSTER + MENTION + TEXT) if one[1] != "suffix" or code == one]
    assert kept == [code]


def encoded(path: Path, subtype: str) -> None:
    samples, rate = soundfile.read(path)
    soundfile.write(path, samples, rate, subtype=subtype)


def moving(path: Path) -> None:
    poster().save(path, save_all=True, append_images=[poster("red")])


def turned(path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    poster().save(path, "JPEG", exif=exif)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:2000])


def click() -> bytes:
    """Return a tone of the right loudness with one full-scale sample in it."""
    sound = bytearray(tone())
    sound[-20000:-19998] = struct.pack("<h", 32767)
    return bytes(sound)


@pytest.mark.parametrize(
    ("phrase", "target", "lang", "expected"),
    [
        ("yes", "bye", "en", []),
        ("xqzzyk", "bye", "en", [("error", "unknown_word")]),
        ("yes", "end", "en", [("warning", "turn_unreached")]),
        ("yes", "bye", "tlh", [("warning", "no_model")]),
    ],
    ids=["known", "unknown", "unreached", "no model"],
)
def test_answers_are_words_that_the_shipped_model_knows(
    folder: Path, phrase: str, target: str, lang: str, expected: list[tuple[str, str]]
) -> None:
    dialogue = DIALOGUE.replace('transcript = "Shall I?"\n[', f'transcript = "Shall I?"\nlang = "{lang}"\n[', 1)
    text = HEAD + MENTION + 'follow_up = "talk"\n' + dialogue % (phrase, target)
    item = ITEM.replace('"poster"', '"mention"').replace('"idle"', '"assistant_answered"')
    assert codes(folder, text + item) == expected


def answered(folder: Path, answer: str, lang: str) -> list[Finding]:
    """What is found in a mention whose dialogue takes that answer, in that language."""
    dialogue = DIALOGUE.replace('transcript = "Shall I?"\n[', f'transcript = "Shall I?"\nlang = "{lang}"\n[', 1)
    text = HEAD + MENTION + 'follow_up = "talk"\n' + dialogue % (answer, "bye")
    return found(folder, text + ITEM.replace('"poster"', '"mention"').replace('"idle"', '"assistant_answered"'))


@pytest.mark.parametrize(
    ("answer", "lang", "instead"),
    [
        ("stop", "en", "it closes the placement"),
        ("No thanks!", "en", "it closes the placement"),
        ("not interested", "en", "it closes the placement and keeps its campaign away"),
        ("why this", "en", "it says why the placement was chosen"),
        ("不用了", "zh", "it closes the placement"),
        ("不感兴趣", "zh", "it closes the placement and keeps its campaign away"),
        ("为什么是这个", "zh", "it says why the placement was chosen"),
        ("no", "en", ""),
        ("yes please", "en", ""),
        ("tell me more", "en", ""),
        ("send it to my phone", "en", ""),
        ("不要", "zh", ""),
        ("是的", "zh", ""),
    ],
)
def test_an_answer_that_is_the_residents_own_word_is_said_to_be_none(
    folder: Path, answer: str, lang: str, instead: str
) -> None:
    said = [finding for finding in answered(folder, answer, lang) if finding.code == "residents_word"]
    assert [finding.level for finding in said] == ([Level.WARNING] if instead else [])
    assert all(f"{instead}, whatever" in finding.message for finding in said)


@pytest.mark.parametrize(
    ("answer", "lang", "own"),
    [
        ("stock", "en", "stop"),
        ("know thanks", "en", "no thanks"),
        ("top", "en", "stop"),
        ("stocks and shares", "en", ""),
        ("more", "en", ""),
        ("停滞", "zh", "停止"),
    ],
)
def test_an_answer_that_sounds_like_the_residents_words_is_not_listened_for(
    folder: Path, answer: str, lang: str, own: str
) -> None:
    said = [finding for finding in answered(folder, answer, lang) if finding.code == "residents_sound"]
    assert [finding.level for finding in said] == ([Level.ERROR] if own else [])
    assert all(f'"{answer}" sounds like "{own}"' in finding.message for finding in said)


def test_answers_of_a_turn_that_sound_almost_the_same_and_lead_apart_are_said(folder: Path) -> None:
    text = (
        HEAD
        + MENTION
        + 'follow_up = "talk"\n'
        + DIALOGUE.replace('"%s" = "%s"', '"red one" = "bye", "bread one" = "%s"')
    )
    text += ITEM.replace('"poster"', '"mention"').replace('"idle"', '"assistant_answered"')
    assert "answers_alike" in [finding.code for finding in found(folder, text % "end")]
    assert "answers_alike" not in [finding.code for finding in found(folder, text % "bye")]


def test_more_answers_than_are_listened_for_are_said(folder: Path) -> None:
    answers = "".join(f'"number {number}" = "bye", ' for number in range(MOST_ANSWERS))
    text = HEAD + MENTION + 'follow_up = "talk"\n' + DIALOGUE.replace('"%s" = "%s"', f'{answers}"%s" = "%s"')
    text += ITEM.replace('"poster"', '"mention"').replace('"idle"', '"assistant_answered"')
    findings = found(folder, text % ("yes", "bye"))
    (many,) = (finding for finding in findings if finding.code == "many_answers")
    assert many.level is Level.WARNING
    assert f"{MOST_ANSWERS + 1} answers" in many.message


def test_what_one_device_takes_and_another_does_not_is_a_warning(folder: Path) -> None:
    small = PROFILES[2].model_copy(
        update={
            "name": "small",
            "formats": tuple(f.model_copy(update={"w": 240, "h": 427}) for f in PROFILES[2].formats),
        }
    )
    (folder / "pack.toml").write_text(HEAD + POSTER + TEXT)
    _, findings = lint(folder, [PROFILES[2], small], NOW, Hearing(lambda _lang, _phrase: ()))
    assert [(finding.level, finding.code) for finding in findings] == [(Level.WARNING, "some_fit")]
    assert "Not on small" in findings[0].message


def test_a_preview_shows_every_creative_on_its_screens_and_escapes_what_strangers_wrote(folder: Path) -> None:
    text = HEAD.replace("Spring", "<script>alert(1)</script>") + POSTER + MENTION + TEXT + DIALOGUE % ("yes", "bye")
    (folder / "pack.toml").write_text(text)
    pack, findings = lint(folder, PROFILES, NOW, Hearing(lambda _lang, _phrase: ()))
    assert pack is not None
    out = folder.parent / "preview"
    for _ in range(2):  # a preview is replaced by the next
        page = write_preview(pack, findings, PROFILES, out, NOW).read_text("utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    with Image.open(out / "files" / "poster-1080x1920.png") as drawn:
        assert drawn.size == (1080, 1920)
    assert (out / "files" / "say.wav").read_bytes() == tone()
    for crid in ("poster", "mention", "talk"):
        assert f'<article id="{crid}">' in page
    assert "-23.0 LUFS" in page
    assert "talk: Nothing leads to it." in page
    with pytest.raises(SettingsError, match="is no preview"):
        write_preview(pack, findings, PROFILES, folder, NOW)


def test_the_sample_packs_have_no_errors_on_the_devices_of_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    packs = Path(fleet_pack.__file__).parents[1] / "standin" / "packs"
    for folder in (packs / "green-valley", packs / "puddle-boots"):
        fleet_pack.lint(folder, None, as_json=True)
        assert json.loads(capsys.readouterr().out)["errors"] == 0


def test_more_than_a_manifest_holds_is_said_before_it_is_built(folder: Path) -> None:
    poster = POSTER.replace('"poster"', '"poster-{}"').format
    many = HEAD + "".join(poster(number) for number in range(MAX_CREATIVES + 1)) + TEXT
    assert [str(one) for one in found(folder, many) if one.code == "limits"] == [
        "The pack: more than 256 creatives. Split it into two packs."
    ]
    words = POSTER.replace("Fresh bread.", "y" * 600).replace('"poster"', '"poster-{}"').format
    long = HEAD + "".join(words(number) for number in range(MAX_CREATIVES)) + TEXT
    (limit,) = [one for one in found(folder, long) if one.code == "limits"]
    assert limit.message.startswith("Its manifest has ")


def test_a_pack_for_whose_chunks_one_manifest_has_no_room_is_too_large_for_devices_alone(folder: Path) -> None:
    with (folder / "poster.mp4").open("wb") as film:
        film.truncate(85_000_000)
    assets = '[assets."poster.mp4"]\nmime = "video/mp4"\nw = 1080\nh = 1920\ndur = 10\n'
    findings = found(folder, HEAD + POSTER.replace("poster.png", "poster.mp4") + ITEM + assets)
    about_it = {finding.code for finding in findings if "85000000 bytes" in finding.message}
    assert about_it == {"too_large", "no_room"}
