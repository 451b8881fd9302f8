"""What is asked for again, and when: a broken publication, or a restart, must not run up a bill."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.model.errors import EdgeAgentError, LinkError, NotAllowedError, StorageError, UntrustedError
from edge_agent.packs.retries import FIRST_PAUSE, LONGEST_AT_START, Retries
from tests.fleets import TIMESTAMP, Device, MemorySource, SmallFleet

HOUR = timedelta(hours=1)


async def at_once(_seconds: float) -> None:
    """Rest for no time at all between looks."""
    await asyncio.sleep(0)


@pytest.fixture
def fleet(tmp_path: Path) -> SmallFleet:
    return SmallFleet.of_two(tmp_path / "operator")


@pytest.fixture
def source(fleet: SmallFleet) -> MemorySource:
    """Return a broker with a chunk of acme/spring altered."""
    source = fleet.published()
    source.retained[altered(fleet)] = b"something else"
    return source


def altered(fleet: SmallFleet) -> str:
    spring = next(pack for pack in fleet.packs() if pack.name == "spring")
    return f"repo/chunk/{spring.assets['poster.png'].chunks[1].sha256}"


async def test_whoever_repeats_the_timestamp_makes_no_device_ask_again(
    fleet: SmallFleet, source: MemorySource, tmp_path: Path
) -> None:
    """With a blank more it is the same to whoever verifies it, and another message to whoever waits for one."""
    topic = altered(fleet)
    async with Device(tmp_path / "tv", fleet.root_json, source, rest=at_once) as device:
        await device.until(lambda: "acme/spring" in device.shelf.reasons() and len(device.playable()) == 1)
        asked = source.asked.count(topic)
        assert asked == 1
        for _ in range(10):
            checked_at = device.shelf.status().checked_at
            source.retained[TIMESTAMP] += b"\n"
            source.push()
            await device.until(lambda checked_at=checked_at: device.shelf.status().checked_at != checked_at)  # type: ignore[misc]
        fleet.sign("winter")
        source.retained.update({name: what for name, what in fleet.messages().items() if name != topic})
        source.push()
        await device.until(lambda: "acme/winter" in device.playable())
        assert source.asked.count(topic) == asked + 1, "a new publication may have mended it"


async def test_a_restart_forgets_no_pause(fleet: SmallFleet, source: MemorySource, tmp_path: Path) -> None:
    topic = altered(fleet)
    for start in range(1, 6):
        async with Device(tmp_path / "tv", fleet.root_json, source) as device:
            await device.until(lambda: "acme/spring" in device.shelf.reasons() and len(device.playable()) == 1)
            await device.until(lambda: device.shelf.status().checked_at is not None)
            await device.until(lambda: b'"spoilt": {}' not in (tmp_path / "tv" / "shelf.json").read_bytes())
        assert source.asked.count(topic) == 1, f"start {start}"
    fleet.sign("winter")
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: len(device.playable()) == 3)


def test_a_round_that_failed_is_due_after_its_pause_and_sooner_only_for_news() -> None:
    retries, broken = Retries(), UntrustedError("A chunk was altered.")
    retries.begin(0, 0.5)
    assert not retries.note("spring", "a", broken)
    assert retries.end(0, 0.5, HOUR)
    assert retries.pause(0) == FIRST_PAUSE
    retries.begin(4.9, 0.5)
    assert (retries.holds_back("spring", "a"), retries.holds_back("spring", "b")) == (True, False)
    assert not retries.end(4.9, 0.5, HOUR)
    retries.begin(5, 0.5)
    assert not retries.holds_back("spring", "a")
    retries.note("spring", "a", broken)
    retries.end(5, 0.5, HOUR)
    assert retries.pause(5) == 2 * FIRST_PAUSE
    retries.forgive()
    retries.begin(6, 0.5)
    assert not retries.holds_back("spring", "a")
    retries.note("spring", "a", None)
    retries.end(6, 0.5, HOUR)
    assert retries.pause(6) is None


@pytest.mark.parametrize(
    ("wrong", "others_too", "is_kept"),
    [
        (LinkError("It was lost."), False, False),
        (NotAllowedError("repo/chunk/a"), True, True),
        (StorageError("The disk is full."), True, False),
    ],
    ids=["link", "rights", "disk"],
)
def test_what_is_to_blame_says_what_waits(wrong: EdgeAgentError, others_too: bool, is_kept: bool) -> None:
    retries = Retries()
    retries.begin(0, 0.5)
    assert retries.note("spring", "a", wrong) == others_too
    retries.end(0, 0.5, HOUR)
    retries.begin(1, 0.5)
    assert retries.holds_back("summer", "c") == others_too
    assert (retries.spoilt, retries.failures) == (({"spring": "a"}, 1) if is_kept else ({}, 0))
    assert retries.pause(0) == (HOUR if isinstance(wrong, NotAllowedError) else FIRST_PAUSE)


def test_a_start_goes_on_with_the_pause_but_not_for_long() -> None:
    retries = Retries({"spring": "a"}, 30)
    retries.begin(100, 0.5)
    assert retries.holds_back("spring", "a")
    retries.end(100, 0.5, HOUR)
    assert retries.pause(100) == LONGEST_AT_START
    retries.begin(100 + LONGEST_AT_START.total_seconds(), 0.5)
    assert not retries.holds_back("spring", "a")
