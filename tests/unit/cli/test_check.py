"""`edge-agent check` says of each thing whether it would work, and what to do where it would not."""

import json
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_agent.cli import build
from edge_agent.fleet.publishing.broker import BrokerAddress
from edge_agent.fleet.publishing.send import send
from edge_agent.link.session import Link
from edge_agent.settings.rooms import LinkSettings
from tests.brokers import MOSQUITTO, Mosquitto, RunningBroker, free_port
from tests.fleets import SmallFleet, silent
from tests.links import running
from tests.unit.cli.commands import edge_agent, edge_agent_beside, write_config

NOBODY = 65534


def checked(folder: Path, extra: str = "") -> tuple[int, dict[str, dict[str, Any]]]:
    config = folder / "agent.toml"
    config.write_text(f'profile = "virtual-tv"\ndevice_id = "tv"\n{extra}', "utf-8")
    result = CliRunner().invoke(build(["check"]), ["check", "--config", str(config), "--json"])
    return result.exit_code, {finding["what"]: finding for finding in json.loads(result.stdout)}


def test_a_device_that_would_work(tmp_path: Path, broker: RunningBroker, root: str) -> None:
    root_json = SmallFleet(tmp_path / "operator").root_json
    (tmp_path / "credentials").write_text("tv:secret\n", "utf-8")
    code, findings = checked(
        tmp_path,
        f'[packs]\nbudget_bytes = 1024\nroot_json = "{root_json}"\n[mqtt]\nport = {broker.port}\nroot = "{root}"\n'
        'credentials_file = "credentials"\n'
        '[debug]\nport = 0\ntoken_file = "token"\n',
    )
    assert code == 0, findings
    assert all(finding["ok"] and not finding["warning"] for finding in findings.values())
    things = {
        "configuration",
        "hooks",
        "trust",
        "broker",
        "connection",
        "mirrors",
        "voice",
        "microphone",
        "wyoming",
        "page",
        "disk",
    }
    assert things == findings.keys()
    assert not (tmp_path / "token").exists(), "nothing is made"
    assert findings["page"]["detail"].startswith("any free port of 127.0.0.1, with the token in ")
    assert findings["broker"]["detail"] == f"127.0.0.1:{broker.port}, topics below {root}"
    assert findings["connection"]["detail"] == "the broker answers (MQTT 5.0), and has no packs"


async def test_a_broker_is_asked_beside_the_agent_whose_session_goes_on(
    tmp_path: Path, broker: RunningBroker, root: str
) -> None:
    """The agent may run where its socket is not known: on another machine, or without one."""
    fleet = SmallFleet(tmp_path / "operator")
    await send(fleet.fleet, BrokerAddress(broker.host, broker.port, root), silent)
    write_config(tmp_path, f'[mqtt]\nport = {broker.port}\nroot = "{root}"\n')
    async with running(Link(LinkSettings(device_id="fridge", port=broker.port, root=root))) as link:
        await link.connected()
        since = link.status.since
        done = await edge_agent_beside("check", "--config", str(tmp_path / "agent.toml"), "--json")
        (said,) = [finding for finding in json.loads(done.out) if finding["what"] == "connection"]
        await link.fetch(f"{root}/repo/meta/timestamp", 2**20)
        assert (link.status.connected, link.status.since) == (True, since)
    assert said["detail"] == "the broker answers (MQTT 5.0), and has packs"


def test_a_device_without_a_network_is_warned_and_everything_else_is_looked_at(tmp_path: Path) -> None:
    _, findings = checked(tmp_path, f"[mqtt]\nport = {free_port()}\n")
    assert (findings["connection"]["ok"], findings["connection"]["warning"]) == (True, True)
    assert "nobody listens there. Check that it runs" in findings["connection"]["detail"]
    assert "disk" in findings


@pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")
def test_a_broker_that_refuses_the_credentials_is_wrong(tmp_path: Path) -> None:
    with Mosquitto(anonymous=False) as strict:
        code, findings = checked(tmp_path, f"[mqtt]\nport = {strict.port}\n")
    assert (code, findings["connection"]["ok"]) == (1, False)
    assert "Not authorized. Check the credentials" in findings["connection"]["detail"]


@pytest.mark.parametrize("problem", ["", "Nobody answers."])
def test_the_agent_that_runs_is_asked_instead_of_its_broker(tmp_path: Path, problem: str) -> None:
    problems = [{"subject": "broker", "what": problem, "next_step": "Wait."}] if problem else []
    answer = json.dumps({"link": {"status": "connected"}, "problems": problems}).encode()
    with agent_running(tmp_path, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer)):
        _, findings = checked(tmp_path, f"[mqtt]\nport = {free_port()}\n")
    said = findings["connection"]
    assert said["ok"]
    assert said["warning"] == bool(problem)
    assert ("Nobody answers. Wait." if problem else "the agent that is running is connected") in said["detail"]


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


@pytest.mark.parametrize(
    "content",
    [b"garbage", b"{}", b"\xff", b'{"signed": {"_type": "root"}, "signatures": []}', None],
    ids=["garbage", "empty", "binary", "half", "timestamp"],
)
def test_what_is_no_root_of_trust_is_told_before_the_first_start(tmp_path: Path, content: bytes | None) -> None:
    if content is None:
        fleet = SmallFleet(tmp_path / "operator")
        content = (fleet.root_json.parent / "metadata/timestamp.json").read_bytes()
    (tmp_path / "root.json").write_bytes(content)
    _, findings = checked(tmp_path, '[packs]\nroot_json = "root.json"\n')
    assert not findings["trust"]["ok"]
    assert "root.json is no root of trust. Copy root.json from the operator" in findings["trust"]["detail"]


def test_a_root_that_its_own_keys_have_not_signed_is_none(tmp_path: Path) -> None:
    root = json.loads(SmallFleet(tmp_path / "operator").root_json.read_bytes())
    root["signed"]["version"] += 1
    (tmp_path / "root.json").write_text(json.dumps(root), "utf-8")
    _, findings = checked(tmp_path, '[packs]\nroot_json = "root.json"\n')
    assert "is no root of trust" in findings["trust"]["detail"]


@pytest.mark.parametrize(
    ("mqtt", "said"),
    [
        ('credentials_file = "none"', "none cannot be read: No such file"),
        ('credentials_file = "agent.toml"', "does not hold user:password"),
        ('tls = true\nca_file = "none.pem"', "none.pem cannot be used"),
    ],
    ids=["no-credentials", "no-password", "no-authority"],
)
def test_files_that_the_broker_asks_for_are_looked_at(tmp_path: Path, mqtt: str, said: str) -> None:
    _, findings = checked(tmp_path, f"[mqtt]\n{mqtt}\n")
    assert not findings["broker"]["ok"]
    assert said in findings["broker"]["detail"]
    assert findings["connection"]["detail"] == "not tried"


def test_a_port_that_is_taken_is_told_unless_the_agent_that_runs_has_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        _, findings = checked(tmp_path, f"[debug]\nport = {port}\n")
        assert not findings["page"]["ok"]
        said = f"The debug endpoint cannot use port {port}: Address already in use. Choose another debug.port"
        assert said in findings["page"]["detail"]
        with agent_running(tmp_path):
            _, findings = checked(tmp_path, f"[debug]\nport = {port}\n")
        assert findings["page"]["ok"]


def test_a_page_that_is_closed_is_said_to_be_and_how_it_is_opened(tmp_path: Path) -> None:
    _, findings = checked(tmp_path, "[debug]\nport = false\n")
    assert findings["page"]["ok"]
    assert findings["page"]["detail"] == "none is served, as debug.port is false; a number, such as 8765, opens it"
    _, findings = checked(tmp_path, "[debug]\nport = true\n")
    assert "debug.port: write a number, or false for no page" in findings["configuration"]["detail"]


def test_a_token_that_everybody_may_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a token of more than sixteen characters", "utf-8")
    (tmp_path / "token").chmod(0o644)
    _, findings = checked(tmp_path, '[debug]\nport = 0\ntoken_file = "token"\n')
    assert "chmod o-rwx" in findings["page"]["detail"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_state_that_somebody_else_owns_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    for folder in (above for above in (tmp_path, *tmp_path.parents) if "pytest-of-" in str(above)):
        folder.chmod(0o755)
    config = write_config(tmp_path)
    findings = json.loads(edge_agent("check", "--config", config, "--json", user=NOBODY).stdout)
    (disk,) = [finding for finding in findings if finding["what"] == "disk"]
    assert not disk["ok"]
    assert f"{tmp_path}/state may not be written" in disk["detail"]


def test_nothing_is_made_and_what_packs_have_taken_counts_as_room_for_them(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    _, findings = checked(tmp_path, f"[packs]\nbudget_bytes = {free + 2**30}\n")
    assert not findings["disk"]["ok"]
    assert [path.name for path in tmp_path.iterdir()] == ["agent.toml"]
    held = tmp_path / "state/packs/assets"
    held.mkdir(parents=True)
    with (held / "film").open("wb") as sparse:
        sparse.truncate(2**31)
    _, findings = checked(tmp_path, f"[packs]\nbudget_bytes = {free + 2**30}\n")
    assert findings["disk"]["ok"], findings


def test_a_hook_that_may_not_be_executed_is_told(tmp_path: Path) -> None:
    (tmp_path / "show").touch(mode=0o644)
    _, findings = checked(tmp_path, f'[render]\nhooks_directory = "{tmp_path}"\nhooks = {{ show = "show" }}\n')
    assert "chmod +x" in findings["hooks"]["detail"]


def test_a_hook_that_is_not_there_is_named(tmp_path: Path) -> None:
    code, findings = checked(tmp_path, '[render]\nhooks_directory = "nowhere"\n')
    assert code == 1
    assert str(tmp_path / "nowhere") in findings["hooks"]["detail"]


def test_a_microphone_that_is_not_there_is_told_before_the_first_start(tmp_path: Path) -> None:
    code, findings = checked(tmp_path, '[voice]\nsource = "mic:no such microphone anywhere"\n')
    assert code == 1
    assert not findings["microphone"]["ok"]
    assert findings["voice"]["ok"]


@contextmanager
def agent_running(folder: Path, answer: bytes = b"") -> Iterator[None]:
    """Be an agent that answers everybody with that, or hangs up."""
    path = folder / "state/runtime/agent.sock"
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as running:
        running.bind(str(path))
        running.listen()

        def serve() -> None:
            with suppress(OSError):
                while True:
                    with running.accept()[0] as asked:
                        if answer and asked.recv(2**16):
                            asked.sendall(answer)

        serving = threading.Thread(target=serve)
        serving.start()
        yield
        running.shutdown(socket.SHUT_RDWR)
        serving.join()


def test_the_microphone_of_an_agent_that_runs_is_left_alone(tmp_path: Path) -> None:
    with agent_running(tmp_path):
        _, findings = checked(tmp_path, '[voice]\nsource = "mic:no such microphone anywhere"\n')
    assert findings["microphone"]["ok"]
    _, findings = checked(tmp_path, '[voice]\nsource = "mic:no such microphone anywhere"\n')
    assert not findings["microphone"]["ok"], "an agent that was killed leaves its socket"


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
