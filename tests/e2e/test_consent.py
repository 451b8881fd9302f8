"""`edge-agent consent` beside a running agent: it is told, its answer is printed, and erasing resets no cap."""

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_agent.measure.journal_reader import JournalReader
from edge_agent.model.device import Consent
from edge_agent.standin.household import Device
from tests.brokers import RunningBroker
from tests.e2e.homes import Fleet, agree, decision_on, make_device, placed, running, shelved, shows
from tests.unit.cli.commands import edge_agent
from tests.unit.measure.plays import everything_in

pytestmark = pytest.mark.e2e


async def consent(device: Device, *words: str) -> Any:
    done = await asyncio.to_thread(edge_agent, "consent", *words, "--config", device.config, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


async def test_consent_and_limits_reach_a_running_agent_at_once(tmp_path: Path, own_broker: RunningBroker) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.publish_sample("green-valley")
    device = make_device("fridge", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json)
    async with running(device):
        await shelved(device)
        given = await consent(device, "give")
        assert Consent.model_validate((await device.get("/v1/state"))["consent"]) == Consent(**given["consent"])
        narrowed = await consent(device, "limit", "--max-per-day", "0")
        assert narrowed["consent"] == given["consent"], "a limit is no new consent"
        assert (await decision_on(device, "idle"))["rule"] == "daily_cap"
        await consent(device, "limit", "--clear", "--format-off", "idle_poster")
        assert (await decision_on(device, "idle"))["rule"] == "format_off"
        await consent(device, "limit", "--clear")
        mark = device.mark
        assert (await decision_on(device, "idle"))["outcome"] == "selected"
        await shows(device, mark)
        mark = device.mark
        assert not (await consent(device, "withdraw"))["consent"]["placements"]
        await device.expect("it closes", lambda m: m["type"] == "screen" and not m["screen"]["on"], mark)
        assert (await consent(device, "show"))["consent"]["placements"] is False


async def test_erasing_leaves_no_trace_and_lets_nothing_more_through(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.publish_sample("green-valley")
    device = make_device("fridge", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json)
    async with running(device):
        await shelved(device)
        await agree(device)
        await placed(device, "pears")
        (play,) = (await device.get("/v1/plays"))["plays"]
        assert await consent(device, "erase") == {"erased": True}
        assert (await device.get("/v1/plays"))["plays"] == []
        assert (await device.get("/v1/decisions"))["decisions"] == []
        kept = await asyncio.to_thread(everything_in, device.folder / "state")
        assert play["play_id"].encode() not in kept
        assert (await device.get("/v1/state"))["consent"]["placements"], "erasing withdraws nothing"
        assert (await decision_on(device, "idle"))["rule"] == "min_spacing", "the running agent goes on counting"
    again = Device(device.spec, device.folder)
    async with running(again):
        await shelved(again)
        decision = await decision_on(again, "idle")
        assert (decision["rule"], "erased" in decision["detail"]) == ("daily_cap", True)
    with contextlib.closing(JournalReader.open_readonly(device.folder / "state" / "agent.db")) as journal:
        assert journal.proofs(10) == []


async def test_a_poster_that_stands_when_quiet_hours_begin_is_taken_away_and_explained(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.publish_sample("green-valley")
    device = make_device("fridge", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json, timezone="UTC")
    async with running(device):
        await shelved(device)
        ten = datetime.now(UTC).replace(hour=22, minute=0, second=0, microsecond=0)
        await device.post("/v1/standin/clock", {"now": (ten - timedelta(seconds=6)).isoformat()})
        await consent(device, "give")
        await consent(device, "limit", "--quiet", "22:00-07:00")
        mark = device.mark
        await device.post("/v1/standin/clock", {"now": (ten - timedelta(seconds=6)).isoformat()})
        assert (await decision_on(device, "idle"))["outcome"] == "selected"
        await shows(device, mark)
        mark = device.mark
        await device.expect("it is dark", lambda m: m["type"] == "screen" and not m["screen"]["on"], mark)
        assert (await decision_on(device, "idle"))["rule"] == "quiet_hours"
    explained = await asyncio.to_thread(edge_agent, "explain", "--config", device.config)
    assert "It was rendered and closed early (quiet hours)." in explained.stdout
