"""What `edge-agent fleet status` says of a broker and its devices."""

import json
from pathlib import Path

import pytest

from edge_agent.cli.fleet_status import broker_said, device_rows, devices_said
from edge_agent.cli.output import print_table, stacked
from edge_agent.fleet.publishing.oversight import DeviceReport, Oversight
from edge_agent.fleet.signing.revoke import revoke, revoke_advertiser
from edge_agent.link.reported_state import ConfigOutcome, Health, ReportedConfig, ReportedState
from tests.fleets import SmallFleet
from tests.unit.cli.commands import edge_agent

OK = ReportedState(online=True, version="0.1.0", profile="virtual-tv", repository_version=6, health=Health.OK)
DEVICES = (
    DeviceReport("bedroom", ReportedState.last_will("0.1.0", "virtual-speaker"), None),
    DeviceReport("fridge", OK, 0),
    DeviceReport("late", OK, 3),
    DeviceReport("odd", None, None),
    DeviceReport(
        "tv", OK.model_copy(update={"health": Health.DEGRADED, "problems": ("The microphone is lost.",)}), 0
    ),
)


def test_what_is_revoked_is_said_with_why(tmp_path: Path) -> None:
    small = SmallFleet(tmp_path)
    small.sign()
    words = ("fleet", "status", "--fleet-dir", str(small.fleet.directory))
    assert "Revoked" not in edge_agent(*words).stderr
    (pack,) = small.packs()
    creative = f"acme/spring/{pack.campaign.creatives[0].crid}"
    revoke(small.fleet, creative, small.now)
    revoke_advertiser(small.fleet, "acme", small.now, "The contract is paused.")
    said = edge_agent(*words).stderr
    assert f"Revoked until it is lifted: acme (The contract is paused.), {creative}." in said
    told = json.loads(edge_agent(*words, "--json").stdout)["revoked"]
    assert told == {"acme": "The contract is paused.", creative: ""}


def seen(**changes: object) -> Oversight:
    values = {"is_current": True, "problem": "", "parts_seen": 9, "missing": (), "devices": DEVICES}
    return Oversight("broker:1883", **(values | changes))  # type: ignore[arg-type]


def test_devices_that_somebody_should_look_at_come_first() -> None:
    rows = device_rows(DEVICES)
    assert [(row[0], row[1], row[3]) for row in rows] == [
        ("odd", "cannot be read", ""),
        ("late", "ok", "3 versions behind"),
        ("tv", "degraded", "newest"),
        ("bedroom", "off", ""),
        ("fridge", "ok", "newest"),
    ]
    assert rows[2][4] == "The microphone is lost."
    assert devices_said(DEVICES) == (
        "5 devices: 1 cannot be read, 2 ok, 1 degraded, 1 off; 1 without the newest packs."
    )
    assert "No device has reported" in devices_said(())


def test_a_configuration_that_a_device_does_not_use_is_a_problem() -> None:
    config = ReportedConfig(version=2, outcome=ConfigOutcome.REFUSED, reason="It is too loud.")
    (row,) = device_rows([DeviceReport("tv", OK.model_copy(update={"config": config}), 0)])
    assert row[4] == "Configuration 2 is not used: It is too loud."


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "The broker holds this version; the 9 parts that were looked at are there."),
        (
            {"missing": ("a", "b")},
            "lacks 2 of the 9 parts that were looked at. Send it: edge-agent fleet refresh --all",
        ),
        ({"is_current": False}, "does not hold this folder's newest version. Send it: edge-agent fleet refresh"),
        ({"problem": "It is another's."}, "It is another's."),
    ],
    ids=["whole", "missing", "old", "foreign"],
)
def test_what_the_broker_lacks_is_said_with_what_to_do(changes: dict[str, object], said: str) -> None:
    assert broker_said(seen(**changes)).endswith(said)


def test_a_narrow_terminal_gets_lines_in_place_of_a_table() -> None:
    rows = [("tv", "ok", ""), ("fridge", "off", "It is cold.")]
    assert stacked(("device", "health", "problems"), rows) == [
        "tv",
        "  health: ok",
        "fridge",
        "  health: off",
        "  problems: It is cold.",
    ]


@pytest.mark.parametrize("width", ["40", "120"])
def test_what_a_device_says_of_itself_steers_no_terminal_and_is_no_markup(
    width: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    says = OK.model_copy(update={"problems": ("It [/red] is [bold]hot[/bold]\x1b[2J\x9b\nBroker: fine",)})
    print_table(
        "Devices [/b]", ("device", "health", "agent", "packs", "problems"), device_rows([DeviceReport("tv", says, 0)])
    )
    said = capsys.readouterr().out
    assert "It [/red] is [bold]hot[/bold] [2J Broker: fine" in said
    assert "Devices [/b]" in said
