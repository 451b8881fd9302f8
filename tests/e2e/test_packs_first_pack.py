"""What a stranger does: make keys, begin a pack, publish it, and see it arrive. Real commands, real broker."""

import asyncio
import json
import os
import stat
import sys
from pathlib import Path

import pytest

from edge_agent.link.session import Link
from edge_agent.settings.rooms import LinkSettings
from edge_agent.wiring.retained_repository import RetainedRepository
from tests.brokers import RunningBroker
from tests.fleets import Device, png

pytestmark = pytest.mark.e2e


async def fleet(directory: Path, *words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "edge_agent",
        "fleet",
        *words,
        cwd=directory,
        env=os.environ | {"COLUMNS": "120"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_from_nothing_to_a_pack_on_the_shelf_in_three_commands(
    tmp_path: Path, broker: RunningBroker, root: str
) -> None:
    (tmp_path / "picture.png").write_bytes(png(640, 360, b"pixels"))
    where = ("--broker", f"{broker.host}:{broker.port}", "--root", root)
    assert (await fleet(tmp_path, "keys", "init"))[0] == 0
    assert (await fleet(tmp_path, "pack", "new", "first", "--advertiser", "me", "--poster", "picture.png"))[0] == 0
    code, out, err = await fleet(tmp_path, "publish", "first", *where)
    assert (code, "Published me/first, version 1" in out) == (0, True), err
    assert "at: idle (no line_items were given, and then it is 30 days)" in err

    link = Link(LinkSettings(device_id="first-tv", host=broker.host, port=broker.port, root=root))
    running = asyncio.create_task(link.run())
    source = RetainedRepository(link, root)
    async with Device(tmp_path / "tv", tmp_path / "fleet" / "root.json", source) as device:
        await device.until(lambda: device.playable() == {"me/first": 1})
        code, out, _ = await fleet(tmp_path, "revoke", "first", *where, "--json")
        assert json.loads(out)["name"] == "me/first"
        await device.until(lambda: device.shelf.catalog.packs == ())
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    for path in (tmp_path / "fleet" / "keys").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    code, _, err = await fleet(tmp_path, "keys", "init")
    assert (code, err.strip()) == (
        1,
        "edge-agent: fleet is a fleet already. Name another folder, or use this one as it is.",
    )
    code, out, _ = await fleet(tmp_path, "status", "--json")
    assert (json.loads(out)["advertisers"], json.loads(out)["packs"]) == (["me"], [])


async def test_a_broker_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(png())
    await fleet(tmp_path, "keys", "init")
    await fleet(tmp_path, "pack", "new", "first", "--advertiser", "me", "--poster", "picture.png")
    code, _, err = await fleet(tmp_path, "publish", "first", "--broker", "127.0.0.1:1")
    assert code == 1
    assert "Check that a broker runs at 127.0.0.1:1" in err
    assert "Traceback" not in err
