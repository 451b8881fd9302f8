"""The virtual devices' files: what is served of them, and what never is."""

import json
from pathlib import Path
from typing import Any

import pytest

from edge_agent.debug.virtual import MAX_NOTE_BYTES, VirtualDevices
from edge_agent.model.errors import StorageError


def note(folder: Path, device: str, value: object) -> None:
    (folder / device).mkdir(parents=True, exist_ok=True)
    (folder / device / "now.json").write_text(value if isinstance(value, str) else json.dumps(value))


def showing(asset: Path, **creative: Any) -> dict[str, Any]:
    return {"play": "p1", "creative": {"crid": "c", "mime": "image/png", **creative}, "asset": str(asset)}


def test_a_real_device_has_none_of_them() -> None:
    devices = VirtualDevices(None, ())
    assert not devices.screen()["present"]
    assert not devices.speaker()["present"]
    devices.switch(powered=False)


def test_a_note_without_a_play_is_a_dark_screen(tmp_path: Path) -> None:
    note(tmp_path, "screen", {"play": None})
    screen = VirtualDevices(tmp_path, ()).screen()
    assert (screen["present"], screen["on"]) == (True, False)


@pytest.mark.parametrize(
    "rubbish",
    [
        "",
        "{",
        "[]",
        "7",
        "null",
        '{"play": 7}',
        '{"play": "p", "creative": []}',
        "[" * 100_000,
        " " * MAX_NOTE_BYTES + "{}",
    ],
)
def test_a_note_that_means_nothing_shows_nothing(tmp_path: Path, rubbish: str) -> None:
    note(tmp_path, "screen", rubbish)
    note(tmp_path, "speaker", rubbish)
    devices = VirtualDevices(tmp_path, ())
    assert devices.screen()["asset"] is None
    assert devices.speaker()["transcript"] == ""


@pytest.mark.parametrize(
    ("creative", "asset"),
    [
        ('{"w": Infinity}', "a.png"),
        ('{"h": NaN}', "a.png"),
        ('{"w": 1%s}' % ("0" * 400), "a.png"),
        ('{"title": "\\ud800"}', "a.png"),
        ('{"mime": "image/png"}', "a\\u0000b"),
        ('{"mime": "image/png"}', "a" * 5000),
    ],
    ids=["infinite", "no number", "too large", "half a pair", "NUL", "too long"],
)
def test_what_json_can_write_and_nobody_can_use_is_no_fault_of_whoever_looks(
    tmp_path: Path, creative: str, asset: str
) -> None:
    text = f'{{"play": "p", "creative": {creative}, "asset": "{asset}", "dur_s": Infinity}}'
    note(tmp_path, "screen", text)
    note(tmp_path, "speaker", text)
    devices = VirtualDevices(tmp_path, ())
    for view in (devices.screen(), devices.speaker()):
        assert json.dumps(view, ensure_ascii=False, allow_nan=False).encode()
        assert view["play_id"] == "p"
    assert devices.screen()["asset"] is None


def test_an_asset_beside_the_note_or_in_the_store_is_served(tmp_path: Path) -> None:
    store, runtime = tmp_path / "store", tmp_path / "runtime"
    store.mkdir()
    for place in (store / "a.png", runtime / "screen" / "asset-7.png"):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"png")
        note(runtime, "screen", showing(place))
        media = VirtualDevices(runtime, (store,)).screen_asset()
        assert media is not None
        assert media.path == place.resolve()


def test_no_other_file_of_the_machine_is_ever_served(tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    (runtime / "screen").mkdir(parents=True)
    (runtime / "screen" / "link.png").symlink_to(secret)
    for asset in (
        secret,
        runtime / ".." / "secret.png",
        runtime / "screen" / "link.png",
        Path("/etc/passwd"),
        runtime,
    ):
        note(runtime, "screen", showing(asset))
        assert VirtualDevices(runtime, ()).screen_asset() is None, asset


@pytest.mark.parametrize("mime", ["text/html", "application/javascript", "", "image/PNG; charset=x"])
def test_only_pictures_and_films_are_served(tmp_path: Path, mime: str) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    note(tmp_path, "screen", showing(tmp_path / "a.png", mime=mime))
    assert VirtualDevices(tmp_path, ()).screen_asset() is None


def test_the_speaker_says_what_its_note_says(tmp_path: Path) -> None:
    note(tmp_path, "speaker", {"play": "p", "creative": {"transcript": "Hello.", "title": "T"}, "dur_s": 2.5})
    speaker = VirtualDevices(tmp_path, ()).speaker()
    assert (speaker["speaking"], speaker["transcript"], speaker["dur_s"]) == (True, "Hello.", 2.5)


def test_a_switch_that_cannot_be_moved_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be switched"):
        VirtualDevices(tmp_path / "gone", ()).switch(powered=True)
