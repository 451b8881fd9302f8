"""`edge-agent fleet catch-up`: a restored backup follows what was published since, and says what is left to do."""

import asyncio
import json
import shutil
from pathlib import Path

from edge_agent.cli.fleet_catch_up import what_is_left
from edge_agent.fleet.publishing.broker import BrokerAddress
from edge_agent.fleet.publishing.catch_up import CaughtUp
from edge_agent.fleet.publishing.send import send
from edge_agent.fleet.reports.key_folder import rotate_report_key
from edge_agent.fleet.signing.rotation import rotate_key
from tests.brokers import RunningBroker, free_port
from tests.fleets import SmallFleet, silent
from tests.unit.cli.commands import edge_agent


def test_a_restored_backup_publishes_again(tmp_path: Path, broker: RunningBroker, root: str) -> None:
    address = BrokerAddress(broker.host, broker.port, root)
    lost, restored = SmallFleet(tmp_path / "lost"), tmp_path / "fleet"
    asyncio.run(send(lost.fleet, address, silent))
    shutil.copytree(lost.fleet.directory, restored)
    for key in ("targets", "snapshot", "timestamp"):
        rotate_key(lost.fleet, key, lost.now)
    rotate_report_key(lost.fleet, lost.now)
    lost.sign("spring")
    asyncio.run(send(lost.fleet, address, silent))
    there = ("--fleet-dir", restored, "--broker", str(address), "--root", root)
    refused = edge_agent("fleet", "refresh", *there)
    assert refused.returncode == 1
    assert "edge-agent fleet catch-up" in refused.stderr

    shown = edge_agent("fleet", "catch-up", "--dry-run", *there)
    assert shown.returncode == 0, shown.stderr
    assert "acme/spring" in shown.stdout
    assert "without --dry-run it is taken over" in shown.stdout
    done = edge_agent("fleet", "catch-up", "--json", *there)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {"what": "acme/spring", "here": None, "there": 1} in told["differences"]
    assert told["keys_missing"] == ["timestamp", "snapshot", "targets", "reports"]
    assert (
        "The key of timestamp was replaced since this backup: edge-agent fleet keys rotate timestamp" in done.stderr
    )
    for key in told["keys_missing"]:
        rotated = edge_agent("fleet", "keys", "rotate", key, *there)
        assert rotated.returncode == 0, rotated.stderr
    again = edge_agent("fleet", "catch-up", *there)
    assert "holds nothing newer than this folder" in again.stdout


def test_documents_and_chunks_that_the_folder_lost_come_back(
    tmp_path: Path, broker: RunningBroker, root: str
) -> None:
    address = BrokerAddress(broker.host, broker.port, root)
    fleet = SmallFleet.of_two(tmp_path)
    asyncio.run(send(fleet.fleet, address, silent))
    folder = fleet.fleet.directory
    had = {path.name for path in folder.glob("*/*")}
    for name in ("targets", "chunks"):
        shutil.rmtree(folder / name)
    done = edge_agent("fleet", "catch-up", "--fleet-dir", folder, "--broker", str(address), "--root", root)
    assert done.returncode == 0, done.stderr
    assert "of assets were fetched" in done.stdout
    assert {path.name for path in folder.glob("*/*")} >= had


def test_a_broker_that_is_not_there_is_said(tmp_path: Path) -> None:
    fleet = SmallFleet(tmp_path).fleet.directory
    done = edge_agent("fleet", "catch-up", "--fleet-dir", fleet, "--broker", f"127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert "nobody listens there" in done.stderr


def test_what_a_person_has_to_see_to_is_a_sentence_each() -> None:
    found = CaughtUp("broker", 4, 9, (), ("acme/winter",), "fleet/set-aside/x", 0, {"acme/film": 2})
    sentences = list(what_is_left(found, ["root", "targets"]))
    for part, sentence in zip(
        ("acme/winter", "2 parts of acme/film", "no other can be replaced", "keys rotate targets"),
        sentences,
        strict=True,
    ):
        assert part in sentence
