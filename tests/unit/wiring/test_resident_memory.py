"""The resident's newest choice survives a disk that refuses for a while."""

import asyncio
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_agent.model.device import Consent, ResidentLimits
from edge_agent.settings.resident import ResidentStore, read_resident
from edge_agent.troubles import Troubles
from edge_agent.wiring.resident_memory import ResidentMemory

YES = Consent(placements=True)
NO = Consent()


@contextmanager
def full(database: Path) -> Iterator[None]:
    """Hold the database so that nobody else can write, which fails like a disk that refuses."""
    holder = sqlite3.connect(database, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    yield
    holder.execute("ROLLBACK")
    holder.close()


class Device:
    """A memory that retries at once, and the moment at which its trouble changed."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "agent.db"
        self.changed = asyncio.Event()
        self.troubles = Troubles(changed=self.changed.set)
        store = ResidentStore(self.database)
        store._connection.execute("PRAGMA busy_timeout = 0")
        self.memory = ResidentMemory(store, self.troubles, retry_s=0.01)


async def test_a_choice_is_written_before_remember_returns(tmp_path: Path) -> None:
    device = Device(tmp_path)
    device.memory.remember(YES, ResidentLimits(max_per_day=3))
    assert read_resident(device.database) == (YES, ResidentLimits(max_per_day=3))
    assert not device.troubles.lasting
    device.memory.close()


async def test_a_withdrawal_on_a_full_disk_is_written_as_soon_as_it_can_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    device = Device(tmp_path)
    device.memory.remember(YES, ResidentLimits())
    with full(device.database):
        device.memory.remember(NO, ResidentLimits())
        assert device.troubles.lasting
        device.memory.remember(NO, ResidentLimits(max_per_day=1))
        await asyncio.sleep(0.05)  # several tries, each of which must stay silent
        assert read_resident(device.database)[0] == YES
        device.changed.clear()
    await asyncio.wait_for(device.changed.wait(), 20)
    assert not device.troubles.lasting
    assert read_resident(device.database) == (NO, ResidentLimits(max_per_day=1)), "the newest, and only that"
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    device.memory.close()


async def test_a_mute_on_a_full_disk_is_written_as_soon_as_it_can_be(tmp_path: Path) -> None:
    """Or the next start would listen again, hours after the disk had room."""
    device = Device(tmp_path)
    with full(device.database):
        device.memory.remember_mute(on=True)
        device.memory.remember(YES, ResidentLimits())
        assert device.troubles.lasting
        device.changed.clear()
    await asyncio.wait_for(device.changed.wait(), 20)
    assert not device.troubles.lasting
    device.memory.close()
    reopened = ResidentStore(device.database)
    assert reopened.is_muted()
    assert reopened.load()[0] == YES
    reopened.close()


async def test_closing_tries_once_more_and_then_no_more(tmp_path: Path) -> None:
    device = Device(tmp_path)
    with full(device.database):
        device.memory.remember(YES, ResidentLimits())
    device.memory.close()
    assert read_resident(device.database)[0] == YES


async def test_closing_on_a_disk_that_still_refuses_ends_quietly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    device = Device(tmp_path)
    with full(device.database):
        device.memory.remember(YES, ResidentLimits())
        device.memory.close()
        await asyncio.sleep(0.05)  # a retry that was left would now use the closed store, and asyncio tell of it
    assert read_resident(device.database)[0] == NO
    assert [record.name for record in caplog.records] == ["edge_agent.troubles"]
