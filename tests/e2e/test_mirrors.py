"""A whole agent with mirrors: named by signed configuration while it runs, and killed in the middle."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from edge_agent.fleet.publishing.mirror_folder import choose
from edge_agent.fleet.publishing.mirroring import write_folder
from edge_agent.fleet.signing.signed_packs import manifests, sign_pack
from edge_agent.packs.keeping.store import BlobStore
from edge_agent.standin.household import Device
from tests.brokers import RunningBroker
from tests.e2e.homes import Fleet, again, log_lines, make_device, problem, running, shelved, solved
from tests.fleets import png, random_bytes, silent
from tests.mirrors import Authority, Mirror, honest

pytestmark = pytest.mark.e2e


@pytest.fixture
async def mirror(tmp_path: Path) -> AsyncIterator[Mirror]:
    async with Mirror(tmp_path / "cdn", Authority(tmp_path / "authority")) as running_mirror:
        yield running_mirror


def operator_with_mirror(tmp_path: Path, broker: RunningBroker, mirror: Mirror) -> Fleet:
    """Return an operator whose assets are on the mirror alone."""
    fleet = Fleet(tmp_path / "fleet", broker)
    fleet.repository.add_advertiser("acme")
    choose(tmp_path / "fleet", folder=mirror.folder, assets_on="mirror")
    return fleet


async def publish(fleet: Fleet, pack: str, poster: bytes) -> None:
    folder = fleet.folder / "packs" / pack
    folder.mkdir(parents=True)
    (folder / "poster.png").write_bytes(poster)
    (folder / "pack.toml").write_text(
        f'advertiser = "acme"\nname = "{pack}"\nadomain = ["acme.example"]\n[[creatives]]\ncrid = "{pack}"\n'
        'format = "idle_poster"\nasset = "poster.png"\ndur = 10\ntranscript = "Hello."\n'
    )
    sign_pack(fleet.repository, folder, datetime.now(UTC), silent)
    write_folder(fleet.repository, silent)
    await fleet.send()


def device_that_trusts(tmp_path: Path, broker: RunningBroker, fleet: Fleet, mirror: Mirror) -> Device:
    device = make_device("fridge", tmp_path, broker_port=broker.port, root_json=fleet.root_json)
    trusted = f'[packs]\nmirror_ca_file = "{mirror.authority.ca_file}"\n'
    device.config.write_text(device.config.read_text().replace("[packs]\n", trusted))
    return device


async def sources(device: Device) -> dict[str, dict[str, Any]]:
    return {source["url"]: source for source in (await device.get("/v1/state"))["asset_sources"]}


async def test_signed_configuration_names_mirrors_while_the_agent_runs(
    tmp_path: Path, own_broker: RunningBroker, mirror: Mirror
) -> None:
    fleet = operator_with_mirror(tmp_path, own_broker, mirror)
    await publish(fleet, "spring", png(filling=random_bytes(900_000)))
    device = device_that_trusts(tmp_path, own_broker, fleet, mirror)
    async with running(device):
        await problem(device, "The broker holds nothing on")
        await fleet.configure("config/fleet.json", version=1, packs={"mirrors": [mirror.url]})
        await shelved(device)
        told = await sources(device)
        assert told[mirror.url]["received_bytes"] > 900_000
        assert (told[""]["kind"], told[""]["received_bytes"]) == ("broker", 0)

        async def broken(_request: web.Request, _path: Path) -> web.StreamResponse:
            return web.Response(status=503)

        mirror.answer = broken
        await publish(fleet, "summer", png(filling=random_bytes(300_000, "summer")))
        await problem(device, f"The mirror {mirror.url} answers with status 503")
        assert "answers with status 503" in (await sources(device))[mirror.url]["problem"]
        assert len(log_lines(device, "answers with status 503")) == 1
        mirror.answer = honest
        async with Mirror(mirror.folder, mirror.authority) as second:
            await fleet.configure("config/fleet.json", version=2, packs={"mirrors": [second.url]})
            await shelved(device, 2)
            await solved(device, "answers with status 503")
            assert (await sources(device))[second.url]["received_bytes"] > 300_000


async def test_killed_in_the_middle_of_a_mirrors_answer(
    tmp_path: Path, own_broker: RunningBroker, mirror: Mirror
) -> None:
    """Afterwards exactly what is not on the disk is asked for."""
    fleet = operator_with_mirror(tmp_path, own_broker, mirror)
    await publish(fleet, "spring", png(filling=random_bytes(6_000_000)))
    await fleet.configure("config/fleet.json", version=1, packs={"mirrors": [mirror.url]})
    device, middle = device_that_trusts(tmp_path, own_broker, fleet, mirror), asyncio.Event()

    async def stop_in_the_middle(request: web.Request, path: Path) -> web.StreamResponse:
        if len(mirror.asked) > 6:
            middle.set()
            await mirror.silence()
        return await honest(request, path)

    mirror.answer = stop_in_the_middle
    async with running(device):
        await asyncio.wait_for(middle.wait(), 60)
        assert device._process is not None
        device._process.kill()
        await device._process.wait()
    (pack,) = manifests(fleet.repository)
    asset = pack.assets["poster.png"]
    missing = {
        (offset, offset + chunk.length)
        for offset, chunk in BlobStore(device.folder / "state" / "packs").missing_chunks(asset, asset.placed_chunks())
    }
    assert 0 < len(missing) < len(asset.chunks)
    mirror.asked.clear()
    mirror.answer = honest
    restarted = again(device)
    async with running(restarted):
        await shelved(restarted)
    spans = [asked.span() for asked in mirror.asked]
    assert sum(end - start for start, end in spans) == sum(end - start for start, end in missing)
    assert all(any(start <= first and last <= end for start, end in spans) for first, last in missing)
