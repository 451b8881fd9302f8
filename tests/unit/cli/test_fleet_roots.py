"""A root that is proposed, signed and adopted with the commands that people type."""

import json
from pathlib import Path

from tests.brokers import RunningBroker
from tests.unit.cli.commands import edge_agent


def done(*words: str | Path) -> str:
    result = edge_agent(*words)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_a_root_goes_from_the_fleet_to_its_holder_and_back(tmp_path: Path, own_broker: RunningBroker) -> None:
    fleet, safe = tmp_path / "fleet", tmp_path / "safe"
    broker = ("--fleet-dir", fleet, "--broker", f"127.0.0.1:{own_broker.port}")
    done("fleet", "keys", "init", fleet, "--x25519-reports")
    safe.mkdir()
    (fleet / "keys" / "root.pem").rename(safe / "root.pem")
    refused = edge_agent("fleet", "keys", "rotate", "timestamp", *broker)
    assert (refused.returncode, "root.pem" in refused.stderr, "--propose" in refused.stderr) == (1, True, True)
    said = done("fleet", "keys", "rotate", "timestamp", "--propose", *broker)
    assert "is signed by nobody (0 of 1 of the root before it and 0 of 1 of its own)" in said
    status = json.loads(done("fleet", "keys", "status", "--fleet-dir", fleet, "--json"))
    assert "signed by nobody" in status[0]["proposal"]
    early = edge_agent("fleet", "keys", "adopt-root", *broker)
    assert (early.returncode, "edge-agent fleet keys sign-root" in early.stderr) == (1, True)
    copy = safe / "root.pending.json"
    copy.write_bytes((fleet / "root.pending.json").read_bytes())
    words = ("fleet", "keys", "sign-root", copy, "--key", safe / "root.pem")
    signed = json.loads(done(*words, "--trusted", fleet / "root.json", "--json"))
    assert signed["signed"]
    assert "timestamp: the key" in signed["changes"][0]
    assert "It bears that signature already." in done(*words)
    assert "Version 2 of the root counts" in done("fleet", "keys", "adopt-root", copy, *broker)
    assert not (fleet / "root.pending.json").exists()


def test_whatever_two_have_to_sign_is_signed_with_the_key_that_was_brought_along(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    fleet, safe = tmp_path / "fleet", tmp_path / "safe"
    broker = ("--fleet-dir", fleet, "--broker", f"{own_broker.host}:{own_broker.port}")
    done("fleet", "keys", "init", fleet, "--x25519-reports")
    done("fleet", "keys", "new", safe / "second")
    done("fleet", "keys", "add", "timestamp", "--public-key", safe / "second.pub", *broker)
    done("fleet", "keys", "threshold", "timestamp", "2", "--keys", safe, *broker)
    refused = edge_agent("fleet", "refresh", *broker)
    assert (refused.returncode, "name each with --keys" in refused.stderr) == (1, True)
    assert "Fresh until" in done("fleet", "refresh", "--keys", safe, *broker)
    done("fleet", "keys", "add-advertiser", "acme", "--fleet-dir", fleet, "--keys", safe)
