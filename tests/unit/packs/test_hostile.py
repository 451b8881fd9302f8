"""What a device makes of a repository that is not whole. tests/e2e/test_attacks.py has the attacks themselves."""

import hashlib
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, TargetFile, Targets

from edge_agent.model.errors import LinkError, NotAllowedError
from tests.attacks.forger import forge, signer_of
from tests.fleets import TIMESTAMP, Device, MemorySource, SmallFleet


class Refusing(MemorySource):
    """A broker that lets nobody read chunks."""

    async def fetch_many(
        self, topics: Sequence[str], window: int, max_bytes: int
    ) -> AsyncGenerator[tuple[str, bytes | LinkError], None]:
        async with aclosing(super().fetch_many(topics, window, max_bytes)) as answers:
            async for topic, answer in answers:
                yield topic, NotAllowedError(topic) if "chunk" in topic else answer


async def test_a_broker_that_says_no_is_asked_for_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fleet, source = SmallFleet(tmp_path / "operator"), Refusing()
    fleet.sign()
    fleet.sign("summer")
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: bool(device.shelf.reasons()))
        assert list(device.shelf.reasons()) == ["acme/spring"]
        assert str(device.shelf.reasons()["acme/spring"]).startswith("The broker refuses repo/chunk/")
        assert len([topic for topic in source.asked if "chunk" in topic]) == 1, "nor for any other pack's"
        assert len([record for record in caplog.records if "refuses" in record.getMessage()]) == 1


async def test_an_old_repository_is_not_believed_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    fleet.sign()
    fleet.put_into(source)
    old = dict(source.retained)
    fleet.fleet.remove("packs/acme/spring.json")
    fleet.sign("summer")
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/summer": 1})
        source.retained = old
        source.push()
        await device.until(lambda: "rolled back" in device.shelf.status().problem)
        assert device.playable() == {"acme/summer": 1}
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: "rolled back" in device.shelf.status().problem)
        assert device.playable() == {"acme/summer": 1}, "nor after a restart"
    assert caplog.records


async def test_one_advertisers_broken_metadata_costs_the_others_nothing(tmp_path: Path) -> None:
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    fleet.add_advertiser("bolt")
    fleet.sign("nuts", advertiser="bolt")
    fleet.sign()
    fleet.put_into(source)
    broken = next(topic for topic in source.retained if topic.endswith("/packs-bolt"))
    del source.retained[broken]
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})


@pytest.mark.parametrize("days", [-1, 1], ids=["a day before it expires", "a day after"])
async def test_expired_metadata_is_not_fresh_even_to_a_clock_in_1970(days: int, tmp_path: Path) -> None:
    """Signed 30 days ago, give or take: a newer root gives the floor away, so that 1970 does not make it fresh."""
    now = datetime.now(UTC)
    fleet, source = SmallFleet(tmp_path / "operator", now - timedelta(days=30 + days)), MemorySource()
    fleet.sign()
    fleet.put_into(source)
    record = tmp_path / "tv" / "shelf.json"
    record.parent.mkdir()
    root = hashlib.sha256(fleet.root_json.read_bytes()).hexdigest()
    record.write_text(json.dumps({"v": 1, "root": root, "floor": now.isoformat()}))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    async with Device(tmp_path / "tv", fleet.root_json, source, now=lambda: epoch) as device:
        if days > 0:
            await device.until(lambda: "not fresh" in device.shelf.status().problem)
            assert device.shelf.catalog.packs == ()
        else:
            await device.until(lambda: device.playable() == {"acme/spring": 1})
    assert TIMESTAMP in source.asked


async def test_a_floor_that_is_read_late_counts_in_that_very_look(tmp_path: Path) -> None:
    """A start without root.json reads nothing; the first look that has one judges by what was written down."""
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    floor = fleet.now + timedelta(days=31)
    fleet.sign()
    fleet.put_into(source)
    root_json, record = tmp_path / "root.json", tmp_path / "tv" / "shelf.json"
    record.parent.mkdir()
    root = hashlib.sha256(fleet.root_json.read_bytes()).hexdigest()
    record.write_text(json.dumps({"v": 1, "root": root, "floor": floor.isoformat()}))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    async with Device(tmp_path / "tv", root_json, source, now=lambda: epoch) as device:
        await device.until(lambda: "no root of trust" in device.shelf.status().problem)
        root_json.write_bytes(fleet.root_json.read_bytes())
        device.shelf.refresh()
        await device.until(lambda: "no root of trust" not in device.shelf.status().problem)
        assert "not fresh" in device.shelf.status().problem
        assert device.shelf.status().checked_at is None


async def test_what_an_advertiser_signed_expires_by_the_floor_too(tmp_path: Path) -> None:
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    fleet.sign()

    def soon(role: Any) -> None:
        role.expires = fleet.now.replace(microsecond=0) + timedelta(days=1)

    source.retained.update(forge(fleet, "packs-acme", soon))
    record = tmp_path / "tv" / "shelf.json"
    record.parent.mkdir()
    root = hashlib.sha256(fleet.root_json.read_bytes()).hexdigest()
    record.write_text(json.dumps({"v": 1, "root": root, "floor": (fleet.now + timedelta(days=2)).isoformat()}))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    async with Device(tmp_path / "tv", fleet.root_json, source, now=lambda: epoch) as device:
        await device.until(lambda: device.shelf.status().version > 0)
        await device.until(lambda: "role packs-acme" in device.shelf._troubles.lasting)
        assert "What acme signed is not fresh" in device.shelf._troubles.lasting["role packs-acme"].what
        assert device.shelf.status().packs == ()


@pytest.mark.parametrize("sha256", ["../shelf.json", "#", "\x00" * 64, "a" * 63, "A" * 64, "", "a" * 64 + "\n"])
async def test_what_is_signed_in_place_of_a_hash_names_no_file_and_no_topic(tmp_path: Path, sha256: str) -> None:
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    fleet.add_advertiser("bolt")
    fleet.sign("nuts", advertiser="bolt")
    fleet.sign()
    fleet.put_into(source)
    evil = "packs/acme/evil.json"

    def sign(role: Any) -> None:
        role.targets[evil] = TargetFile(1000, {"sha256": sha256}, evil)

    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.has_recorded(2))
        known = device.shelf.status().version
        source.asked.clear()
        source.retained.update(forge(fleet, "packs-acme", sign))
        source.push()
        await device.until(lambda: device.shelf.status().version > known)
        assert device.playable() == {"acme/spring": 1, "bolt/nuts": 1}
        assert not [topic for topic in source.asked if "target" in topic]
        assert device.has_recorded(2)


async def test_an_advertiser_hands_its_right_on_to_nobody(tmp_path: Path) -> None:
    """python-tuf would follow, and keep what acme signs in the operator's place where the operator's own was kept."""
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    fleet.sign()
    fleet.put_into(source)
    signer = signer_of(fleet, "packs-acme")

    def delegate(role: Any) -> None:
        others = [
            DelegatedRole(name, [signer.public_key.keyid], 1, terminating=False, paths=["packs/acme/*"])
            for name in ("config", "x")
        ]
        role.delegations = Delegations(
            {signer.public_key.keyid: signer.public_key}, {one.name: one for one in others}
        )

    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.has_recorded(1))
        kept = tmp_path / "tv" / "tuf" / "config.json"
        before, known = kept.read_bytes(), device.shelf.status().version
        messages = forge(fleet, "packs-acme", delegate)
        genuine: Metadata[Targets] = Metadata.from_bytes(before)
        evil = Metadata(Targets(version=genuine.signed.version, expires=genuine.signed.expires))
        evil.sign(signer)
        messages[f"repo/meta/{genuine.signed.version}/config"] = evil.to_bytes()
        source.retained.update(messages)
        source.push()
        await device.until(lambda: device.shelf.status().version > known)
        assert kept.read_bytes() == before
        assert device.playable() == {"acme/spring": 1}
