"""`edge-agent check` says of each thing whether it would work, and what to do where it would not."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_agent.cli import build


def checked(folder: Path, extra: str = "") -> tuple[int, dict[str, dict[str, Any]]]:
    config = folder / "agent.toml"
    config.write_text(f'profile = "virtual-tv"\ndevice_id = "tv"\n{extra}', "utf-8")
    result = CliRunner().invoke(build(["check"]), ["check", "--config", str(config), "--json"])
    return result.exit_code, {finding["what"]: finding for finding in json.loads(result.stdout)}


def test_a_device_that_would_work(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/root.json").write_text("{}", "utf-8")
    code, findings = checked(tmp_path, "[packs]\nbudget_bytes = 1024\n")
    assert code == 0
    assert all(finding["ok"] for finding in findings.values())
    things = {"configuration", "hooks", "trust", "broker", "mirrors", "voice", "microphone", "wyoming", "disk"}
    assert things == findings.keys()
    assert findings["broker"]["detail"] == "127.0.0.1:1883, topics below edge"


def test_names_that_some_brokers_cannot_carry_are_told_of(tmp_path: Path) -> None:
    _, findings = checked(tmp_path, '[mqtt]\nroot = "acme.tv/edge"\n')
    assert findings["broker"]["ok"], "on any other broker it works"
    assert "RabbitMQ and NATS take no dot, as in acme.tv/edge" in findings["broker"]["detail"]


def test_an_authority_for_mirrors_that_is_none_is_said(tmp_path: Path) -> None:
    code, findings = checked(tmp_path, '[packs]\nmirrors = ["https://cdn.example"]\nmirror_ca_file = "none.pem"\n')
    assert code == 1
    assert not findings["mirrors"]["ok"]
    assert "none.pem is no authority's certificate" in findings["mirrors"]["detail"]


def test_without_a_trusted_root_it_says_where_to_get_it(tmp_path: Path) -> None:
    code, findings = checked(tmp_path)
    assert code == 1
    assert not findings["trust"]["ok"]
    assert "edge-agent fleet root" in findings["trust"]["detail"]


def test_a_hook_that_is_not_there_is_named(tmp_path: Path) -> None:
    code, findings = checked(tmp_path, '[render]\nhooks_directory = "nowhere"\n')
    assert code == 1
    assert str(tmp_path / "nowhere") in findings["hooks"]["detail"]


def test_a_microphone_that_is_not_there_is_told_before_the_first_start(tmp_path: Path) -> None:
    code, findings = checked(tmp_path, '[voice]\nsource = "mic:no such microphone anywhere"\n')
    assert code == 1
    assert not findings["microphone"]["ok"]
    assert findings["voice"]["ok"]


def test_the_microphone_of_an_agent_that_runs_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "state/runtime").mkdir(parents=True)
    (tmp_path / "state/runtime/agent.sock").touch()
    _, findings = checked(tmp_path, '[voice]\nsource = "mic:no such microphone anywhere"\n')
    assert findings["microphone"]["ok"]


def test_a_phrase_that_the_model_cannot_hear_is_told(tmp_path: Path) -> None:
    code, findings = checked(tmp_path, '[voice]\nsource = "pipe:microphone"\nwake_phrases = ["hey xqzzyk"]\n')
    assert code == 1
    assert "xqzzyk" in findings["voice"]["detail"]


def test_a_satellite_that_is_not_there_is_told_before_the_first_start(tmp_path: Path) -> None:
    code, findings = checked(tmp_path, f'[voice]\nsource = "wyoming:{tmp_path}/nobody"\n')
    assert code == 1
    assert "cannot be reached" in findings["microphone"]["detail"]


def test_an_address_for_satellites_is_tried(tmp_path: Path) -> None:
    _, findings = checked(tmp_path, f'[voice]\nsource = "wyoming-in:{tmp_path}/ear"\n')
    assert findings["microphone"]["ok"]
    assert not (tmp_path / "ear").exists()


@pytest.mark.parametrize(
    ("uri", "ok", "detail"),
    [
        ("tcp://127.0.0.1:{free}", True, "open to this machine"),
        ("tcp://0.0.0.0:{free}", True, "open to everybody who reaches it"),
        ("tcp://127.0.0.1:{taken}", False, "Choose another address"),
        ("http://127.0.0.1:{free}", False, "Write tcp://HOST:PORT"),
    ],
    ids=["loopback", "everybody", "taken", "no-address"],
)
def test_where_wyoming_clients_would_be_served_is_tried(tmp_path: Path, uri: str, ok: bool, detail: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        named = uri.format(taken=taken.getsockname()[1], free=free.getsockname()[1])
        free.close()
        _, findings = checked(tmp_path, f'[voice.wyoming]\nuri = "{named}"\n')
    assert findings["wyoming"]["ok"] is ok
    assert detail in findings["wyoming"]["detail"]


def test_a_phrase_for_wyoming_clients_that_the_model_cannot_hear_is_told(tmp_path: Path) -> None:
    wyoming = '[voice.wyoming]\nuri = "/x"\nphrases = ["hey xqzzyk"]\n'
    _, findings = checked(tmp_path, wyoming)
    assert "xqzzyk" in findings["voice"]["detail"]


def test_a_configuration_that_is_wrong_is_one_finding(tmp_path: Path) -> None:
    code, findings = checked(tmp_path, "[mqtt]\nport = 0\n")
    assert code == 1
    assert findings.keys() == {"configuration"}
    assert "mqtt.port" in findings["configuration"]["detail"]
