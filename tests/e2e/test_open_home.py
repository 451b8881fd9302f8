"""The open home, and a stranger's first pack in it, as the README says: new, publish, agree, left alone."""

import asyncio
import contextlib
import errno
import socket
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from edge_agent.fleet.publishing.broker import HOME_BROKER
from edge_agent.standin.demo import MQTT_PORT, own_home

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

POSTER = Path(str(files("edge_agent.standin"))) / "packs/green-valley/pears.png"


@contextlib.contextmanager
def another_broker() -> Iterator[bool]:
    """Take MQTT's own port, as a broker that was installed does; yield False when somebody else has it already."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held = True
        try:
            taken.bind(("127.0.0.1", MQTT_PORT))
            taken.listen()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            held = False
        yield held


async def edge_agent(folder: Path, *words: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge_agent", *words, cwd=folder, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()


async def test_a_first_pack_is_on_the_fridge_though_another_broker_has_the_usual_port(tmp_path: Path) -> None:
    with another_broker() as held:
        async with own_home(lambda _: None, tmp_path / "fleet") as opened:
            assert opened.broker.port != MQTT_PORT or not held
            fridge = opened.devices["fridge"]
            mark = fridge.mark
            new = ("fleet", "pack", "new", "my-pack")
            await edge_agent(tmp_path, *new, "--advertiser", "me", "--poster", str(POSTER))
            await edge_agent(tmp_path, "fleet", "publish", "my-pack")
            await fridge.expect(
                "my pack, complete",
                lambda m: m["type"] == "packs" and any(pack["complete"] for pack in m["packs"]),
                mark,
            )
            await fridge.post("/v1/resident", {"consent": {"placements": True, "reports": False}})
            mark = fridge.mark
            answer = await fridge.post("/v1/moments", {"kind": "idle"})
            assert answer["decision"]["chosen"]["campaign"] == "my-pack"
            await fridge.expect(
                "it on the door", lambda m: m["type"] == "screen" and m["screen"]["play_id"] is not None, mark
            )
        assert not (tmp_path / "fleet" / HOME_BROKER).exists()
