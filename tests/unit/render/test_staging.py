"""What is staged survives a power cut and the shelf letting go of the original."""

import asyncio
import json
from pathlib import Path

import pytest

from edge_agent.model.errors import StorageError
from edge_agent.render.boot_stage import BootStage
from tests.rendering import PATIENCE_S, Room, kinds, make_play, make_settings, write_hook

KEEPS = """
with open("staged", "a") as staged: staged.write(json.dumps([request["play"], request["asset"]]) + "\\n")
say("complete")
"""


async def test_the_newest_wish_is_staged_and_the_hook_gets_our_copy(tmp_path: Path, hooks: Path, asset: Path) -> None:
    settings = make_settings(tmp_path, stage=write_hook(hooks, "stage.py", KEEPS))
    room = Room(settings)
    for number in range(3):
        room.renderer.stage(make_play(asset, play_id=f"boot-{number}"))
    await room.renderer.settled()
    staged = BootStage(settings.boot_directory).current()
    assert staged is not None
    request, kept = staged
    assert request["play"] == "boot-2"
    assert kept.read_bytes() == b"\x89PNG not really"
    told = [json.loads(line) for line in (tmp_path / "runtime" / "staged").read_text().splitlines()]
    assert told == [["boot-2", str(kept)]]
    assert await room.rest() == [], "nothing was rendered, so there is nothing to report"


async def test_nothing_is_left_when_nothing_may_be_staged(tmp_path: Path, hooks: Path, asset: Path) -> None:
    settings = make_settings(tmp_path, stage=write_hook(hooks, "stage.py", KEEPS))
    room = Room(settings)
    room.renderer.stage(make_play(asset))
    await room.renderer.settled()
    room.renderer.stage(None)
    await room.renderer.settled()
    assert BootStage(settings.boot_directory).current() is None
    assert list(settings.boot_directory.iterdir()) == []
    assert json.loads((tmp_path / "runtime" / "staged").read_text().splitlines()[-1]) == [None, None]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('say("error", detail="read-only flash")', "read-only flash"),
        ("sys.exit(0)", "without an answer"),
        ('say("loaded")', "loaded as its first event"),
        ("signal.pause()", "did not stage within"),
        ('print("garbage")', "not an event"),
    ],
)
async def test_a_stage_hook_that_fails_is_told_of_and_harms_nothing(
    tmp_path: Path, hooks: Path, asset: Path, body: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = make_settings(tmp_path, stage=write_hook(hooks, "stage.py", body), show="none.py")
    room = Room(
        settings.model_validate({**dict(settings), "start_timeout": 0.3, "restart_min": 60, "restart_max": 60})
    )
    room.renderer.stage(make_play(asset))
    await room.renderer.settled()
    assert [why in record.message for record in caplog.records] == [True]
    assert kinds(await room.play_out(make_play(asset))) == ["error"], "the renderer still answers"


FAILS_TWICE = """
with open("staged", "a") as staged: staged.write(json.dumps(request["play"]) + "\\n")
asked = open("staged").readlines()
fails = asked[-1] == wanted and asked.count(wanted) <= 2
say("error", detail="the flash is busy") if fails else say("complete")
"""


def staged_plays(tmp_path: Path) -> list[str | None]:
    return [json.loads(line) for line in (tmp_path / "runtime" / "staged").read_text().splitlines()]


async def recovered(room: Room) -> None:
    """Wait until the stage hook works again."""
    async with asyncio.timeout(PATIENCE_S):
        while not room.troubles.lasting:
            await room.told.wait()
            room.told.clear()
        while room.troubles.lasting:
            await room.told.wait()
            room.told.clear()
    await room.renderer.settled()


async def test_taking_away_is_tried_until_it_is_done(tmp_path: Path, hooks: Path, asset: Path) -> None:
    """A boot loader asks nobody whether consent was withdrawn meanwhile."""
    hook = write_hook(hooks, "stage.py", 'wanted = "null\\n"' + FAILS_TWICE)
    room = Room(make_settings(tmp_path, stage=hook))
    room.renderer.stage(make_play(asset))
    await room.renderer.settled()
    room.renderer.stage(None)
    await recovered(room)
    assert staged_plays(tmp_path) == ["play-1", None, None, None]


async def test_what_cannot_be_replaced_is_taken_away_until_it_can(tmp_path: Path, hooks: Path, asset: Path) -> None:
    hook = write_hook(hooks, "stage.py", "wanted = '\"newer\"\\n'" + FAILS_TWICE)
    room = Room(make_settings(tmp_path, stage=hook))
    room.renderer.stage(make_play(asset))
    await room.renderer.settled()
    room.renderer.stage(make_play(asset, play_id="newer"))
    await recovered(room)
    assert staged_plays(tmp_path) == ["play-1", "newer", None, "newer", None, "newer"]


async def test_the_hook_takes_its_copy_away_though_ours_cannot_be(tmp_path: Path, hooks: Path) -> None:
    room = Room(make_settings(tmp_path, stage=write_hook(hooks, "stage.py", KEEPS)))
    (tmp_path / "boot" / "current.json").mkdir(parents=True)  # what unlink refuses, also for root
    room.renderer.stage(None)
    await room.renderer.settled()
    told = (tmp_path / "runtime" / "staged").read_text().splitlines()[0]
    assert json.loads(told) == [None, None]
    (tmp_path / "boot" / "current.json").rmdir()
    await recovered(room)


def test_a_power_cut_between_any_two_steps_leaves_the_old_one_whole(tmp_path: Path, asset: Path) -> None:
    stage = BootStage(tmp_path / "boot")
    stage.put(b'{"play": "old"}', asset, "old.png")
    newer = tmp_path / "newer.png"
    newer.write_bytes(b"newer")
    (tmp_path / "boot" / "new.png.partial").write_bytes(b"ne")
    (tmp_path / "boot" / "new.png").write_bytes(b"ne")
    (tmp_path / "boot" / "current.json.partial").write_text('{"asset": "new.p')
    assert stage.current() == ({"play": "old"}, tmp_path / "boot" / "old.png")
    kept = stage.put(b'{"play": "new"}', newer, "new.png")
    assert stage.current() == ({"play": "new"}, kept)
    assert kept.read_bytes() == b"newer"
    assert sorted(path.name for path in (tmp_path / "boot").iterdir()) == ["current.json", "new.png"]


@pytest.mark.parametrize(
    "pointer", ["", "[]", '{"asset": "x.png"}', '{"asset": "gone.png", "request": {}}', "\udc80"]
)
def test_a_damaged_pointer_stages_nothing(tmp_path: Path, pointer: str) -> None:
    (tmp_path / "current.json").write_bytes(pointer.encode("utf-8", "surrogateescape"))
    (tmp_path / "x.png").write_bytes(b"x")
    assert BootStage(tmp_path).current() is None


def test_a_disk_that_takes_nothing_is_a_storage_error_and_keeps_what_was_there(tmp_path: Path, asset: Path) -> None:
    stage = BootStage(tmp_path / "boot")
    stage.put(b'{"play": "old"}', asset, "old.png")
    with pytest.raises(StorageError, match="cannot be staged") as caught:
        stage.put(b'{"play": "new"}', tmp_path / "missing.png", "new.png")
    assert caught.value.next_step
    assert stage.current() == ({"play": "old"}, tmp_path / "boot" / "old.png")
