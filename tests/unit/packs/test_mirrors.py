"""Assets from HTTPS mirrors: real aiohttp servers over TLS, a real signed repository, and what is asked of whom."""

import asyncio
import logging
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web

from edge_agent.fleet.publishing.mirror_folder import choose
from edge_agent.fleet.publishing.mirroring import write_folder
from edge_agent.model.errors import MirrorError
from edge_agent.packs.fetching.mirrors import Mirrors
from edge_agent.packs.formats.manifest import PackedAsset
from edge_agent.troubles import Troubles
from tests.fleets import Device, MemorySource, SmallFleet, png, random_bytes, silent
from tests.mirrors import Authority, Mirror, honest

PACK = {"acme/spring": 1}


@pytest.fixture
def fleet(tmp_path: Path) -> SmallFleet:
    return SmallFleet(tmp_path / "operator")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
async def mirror(tmp_path: Path, authority: Authority) -> AsyncIterator[Mirror]:
    async with Mirror(tmp_path / "cdn", authority) as running:
        yield running


def put_on_mirror(fleet: SmallFleet, mirror: Mirror, source: MemorySource, *, broker_too: bool = False) -> None:
    """Write the mirror's folder as an operator does; the broker keeps metadata and documents, chunks only if told."""
    choose(fleet.fleet.directory, folder=mirror.folder, assets_on="both")
    write_folder(fleet.fleet, silent)
    source.retained.update(
        {topic: content for topic, content in fleet.messages().items() if broker_too or "chunk" not in topic}
    )
    source.push()


def a_tv(tmp_path: Path, fleet: SmallFleet, source: MemorySource, *mirrors: Mirror, **settings: object) -> Device:
    urls = [mirror.url for mirror in mirrors]
    authority = mirrors[0].authority.ca_file if mirrors else None
    return Device(tmp_path / "tv", fleet.root_json, source, mirrors=urls, mirror_ca_file=authority, **settings)  # type: ignore[arg-type]


def poster(fleet: SmallFleet) -> PackedAsset:
    (pack,) = fleet.packs()
    return pack.assets["poster.png"]


def chunks_asked(source: MemorySource) -> list[str]:
    return [topic for topic in source.asked if "chunk" in topic]


async def test_a_pack_comes_from_a_mirror_alone(
    fleet: SmallFleet, mirror: Mirror, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source, picture = MemorySource(), png(filling=random_bytes(3_000_000))
    fleet.sign(poster=picture)
    put_on_mirror(fleet, mirror, source)
    async with a_tv(tmp_path, fleet, source, mirror) as device:
        await device.until(lambda: device.playable() == PACK)
        assert device.shelf.catalog.packs[0].paths["poster.png"].read_bytes() == picture
        assert [(at.url, at.bytes, at.problem) for at in device.shelf.sources()] == [
            (mirror.url, len(picture), None),
            ("", 0, None),
        ]
    assert chunks_asked(source) == [], "the broker is asked only for what no mirror has"
    spans = sorted(asked.span() for asked in mirror.asked)
    assert spans[0][0] == 0
    assert spans[-1][1] == len(picture)
    assert all(before[1] == after[0] for before, after in pairwise(spans)), "each byte once"
    assert len(spans) < len(poster(fleet).chunks), "neighbours are asked for together"
    assert len(mirror.connections) <= 2
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_only_missing_chunks_are_asked_for_and_neighbours_together(
    fleet: SmallFleet, mirror: Mirror, tmp_path: Path
) -> None:
    source, body = MemorySource(), random_bytes(1_500_000)
    fleet.sign(poster=png(filling=body))
    put_on_mirror(fleet, mirror, source)
    async with a_tv(tmp_path, fleet, source, mirror) as device:
        await device.until(lambda: device.playable() == PACK)
        first = {chunk.sha256 for chunk in poster(fleet).chunks}
        fleet.sign(poster=png(filling=body[:700_000] + random_bytes(150_000, "an insertion") + body[700_000:]))
        mirror.asked.clear()
        put_on_mirror(fleet, mirror, source)
        await device.until(lambda: device.playable() == {"acme/spring": 2})
    new = {
        (offset, offset + chunk.length)
        for offset, chunk in poster(fleet).placed_chunks()
        if chunk.sha256 not in first
    }
    asked = [span.span() for span in mirror.asked]
    assert sum(end - start for start, end in asked) == sum(end - start for start, end in new)
    assert all(any(start <= at[0] and at[1] <= end for start, end in asked) for at in new)
    assert len(asked) < len(new)


async def test_a_mirror_that_is_down_costs_one_line_and_the_broker_steps_in(
    fleet: SmallFleet, mirror: Mirror, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = MemorySource()
    fleet.sign()
    fleet.sign("summer")
    put_on_mirror(fleet, mirror, source, broker_too=True)
    await mirror.shut()
    async with a_tv(tmp_path, fleet, source, mirror) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1, "acme/summer": 1})
        at_mirror, at_broker = device.shelf.sources()
        assert str(at_mirror.problem).startswith(f"The mirror {mirror.url} cannot be reached")
        assert at_broker.bytes > 400_000
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1, warnings


async def test_what_one_mirror_does_not_have_comes_from_the_next_and_then_from_the_broker(
    fleet: SmallFleet, authority: Authority, mirror: Mirror, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = MemorySource()
    for pack in ("spring", "summer", "winter"):
        fleet.sign(pack)
    put_on_mirror(fleet, mirror, source, broker_too=True)
    assets = {pack.name: pack.assets["poster.png"].sha256 for pack in fleet.packs()}
    (tmp_path / "second").mkdir()
    async with Mirror(tmp_path / "second", authority) as second:
        (second.folder / "asset").mkdir()
        (mirror.folder / "asset" / assets["summer"]).rename(second.folder / "asset" / assets["summer"])
        (mirror.folder / "asset" / assets["winter"]).unlink()
        async with a_tv(tmp_path, fleet, source, mirror, second) as device:
            await device.until(lambda: len(device.playable()) == 3)
            served = {at.url: at.bytes for at in device.shelf.sources()}
            assert all(length > 190_000 for length in served.values()), served
            assert {at.problem for at in device.shelf.sources()} == {None}, "to lack a file is no fault"
    assert len([asked for asked in mirror.asked if assets["winter"] in asked.path]) == 1, "asked for once, not again"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_what_nobody_has_is_said_and_comes_once_the_folder_is_uploaded(
    fleet: SmallFleet, mirror: Mirror, tmp_path: Path
) -> None:
    source = MemorySource()
    fleet.sign()
    put_on_mirror(fleet, mirror, source)
    (mirror.folder / "asset").rename(mirror.folder / "not yet")
    async with a_tv(tmp_path, fleet, source, mirror) as device:
        await device.until(lambda: bool(device.shelf.reasons()))
        assert {name: str(why) for name, why in device.shelf.reasons().items()} == {
            "acme/spring": "Neither a mirror nor the broker has all of it. "
            "Upload the mirrors' folder, or publish again."
        }
        source.push()
        assert not device.shelf._supply._changed.is_set(), "what is absent is no better for a timestamp that came"
        (mirror.folder / "not yet").rename(mirror.folder / "asset")
        device.shelf._supply.replan()
        await device.until(lambda: device.playable() == PACK)


async def test_mirrors_go_on_while_there_is_no_broker(fleet: SmallFleet, mirror: Mirror, tmp_path: Path) -> None:
    source = MemorySource()
    fleet.sign()
    put_on_mirror(fleet, mirror, source)

    async def after_the_broker_is_gone(request: web.Request, path: Path) -> web.StreamResponse:
        source.connected = False
        return await honest(request, path)

    mirror.answer = after_the_broker_is_gone
    async with a_tv(tmp_path, fleet, source, mirror) as device:
        await device.until(lambda: device.playable() == PACK)


async def test_a_download_goes_on_where_it_was_killed(fleet: SmallFleet, mirror: Mirror, tmp_path: Path) -> None:
    """The server stops in the middle; the next start asks for nothing that is on the disk already."""
    source, cut = MemorySource(), asyncio.Event()
    fleet.sign(poster=png(filling=random_bytes(2_000_000)))
    put_on_mirror(fleet, mirror, source)

    async def half(request: web.Request, path: Path) -> web.StreamResponse:
        if request.http_range.start and request.http_range.start > 1_000_000:
            cut.set()
            await mirror.silence()
        return await honest(request, path)

    mirror.answer = half
    async with a_tv(tmp_path, fleet, source, mirror) as device:
        await cut.wait()
        await device.until(lambda: device.shelf.status().packs[0].missing_bytes < 1_200_000)
        left = device.shelf.status().packs[0].missing_bytes
    mirror.asked.clear()
    mirror.answer = honest
    async with a_tv(tmp_path, fleet, source, mirror) as device:
        await device.until(lambda: device.playable() == PACK)
    assert sum(end - start for start, end in (asked.span() for asked in mirror.asked)) <= left


async def test_hours_and_the_daily_budget_hold_for_mirrors_too(
    fleet: SmallFleet, mirror: Mirror, tmp_path: Path
) -> None:
    source = MemorySource()
    fleet.sign(poster=png(filling=random_bytes(4_000_000)))
    put_on_mirror(fleet, mirror, source)
    async with a_tv(tmp_path, fleet, source, mirror, daily_bytes=2**20, window=4) as device:
        await device.until(lambda: bool(device.shelf.reasons()))
        assert "The 1048576 bytes of a day are used up" in str(device.shelf.reasons()["acme/spring"])
        asked = sum(end - start for start, end in (asked.span() for asked in mirror.asked))
        assert 2**20 <= asked <= 2**20 + 2 * 4 * 128 * 1024
    async with a_tv(tmp_path, fleet, source, mirror, daily_bytes=2**20, window=4) as device:
        await device.until(lambda: bool(device.shelf.reasons()))
        assert sum(at.bytes for at in device.shelf.sources()) == 0, "a restart does not renew it"


@pytest.mark.parametrize("window", [1, 2, 3, 5, 64], ids=str)
async def test_every_window_brings_the_pack(fleet: SmallFleet, mirror: Mirror, tmp_path: Path, window: int) -> None:
    source = MemorySource()
    fleet.sign(poster=png(filling=random_bytes(900_000)))
    put_on_mirror(fleet, mirror, source)
    async with a_tv(tmp_path, fleet, source, mirror, window=window) as device:
        await device.until(lambda: device.playable() == PACK)
    longest = max(end - start for start, end in (asked.span() for asked in mirror.asked))
    assert longest <= window * 128 * 1024


def test_a_mirror_that_fails_is_asked_ever_more_rarely_and_again_once_it_works(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    troubles, url = Troubles(), "https://cdn.example/fleet"
    mirrors, error = Mirrors((url,), troubles), MirrorError(url, "cannot be reached")
    pauses = []
    for _ in range(12):
        mirrors.went_wrong(error, 1000.0, 0.5)
        assert mirrors.usable(1000.0) == []
        pauses.append(next(at for at in range(4000) if mirrors.usable(1000.0 + at)))
    assert pauses == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]
    (mirror,) = mirrors.usable(1000.0 + 3600)
    mirrors.went_well(mirror)
    mirrors.went_wrong(error, 1000.0, 0.0)
    assert mirrors.usable(1004.9) == []
    assert mirrors.usable(1005.0) == [mirror]
    assert [record.getMessage() for record in caplog.records] == [
        f"The mirror {url} cannot be reached; it is left alone for a while. Check what it serves.",
        f"The mirror {url} is in order again.",
        f"The mirror {url} cannot be reached; it is left alone for a while. Check what it serves.",
    ]


def test_a_mirror_may_ask_for_more_time_but_not_for_ever() -> None:
    mirrors = Mirrors(("https://cdn.example",), Troubles())
    mirrors.went_wrong(MirrorError("https://cdn.example", "answers with status 503"), 0.0, 0.5, wished_s=60.0)
    assert (mirrors.usable(59.9), len(mirrors.usable(60.0))) == ([], 1)
    mirrors.went_wrong(MirrorError("https://cdn.example", "answers with status 503"), 0.0, 0.5, wished_s=1e9)
    assert (mirrors.usable(3599.9), len(mirrors.usable(3600.0))) == ([], 1)


def test_a_mirror_that_is_named_no_more_is_no_trouble_any_more() -> None:
    troubles = Troubles()
    Mirrors(("https://old.example",), troubles).went_wrong(MirrorError("https://old.example", "breaks off"), 0.0, 0.5)
    Mirrors(("https://new.example",), troubles).forget_others()
    assert troubles.lasting == {}
