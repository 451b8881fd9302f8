"""One whole device at a time: the real process, a real broker, real hooks, real files."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from edge_agent.link.reported_state import ConfigOutcome, Health, ReportedState
from edge_agent.measure.journal_reader import JournalReader
from edge_agent.model.play import CloseCause
from tests.brokers import RunningBroker, free_port
from tests.e2e.homes import Fleet, Wiretap, again, agree, decision_on, make_device, running, shelved, shows

pytestmark = pytest.mark.e2e

WEATHER = {"kind": "assistant_answered", "topic": "weather"}


def state_of(payload: bytes) -> ReportedState:
    return ReportedState.from_payload(payload)


async def test_a_published_pack_is_placed_after_consent_and_every_refusal_has_a_reason(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.publish_sample("green-valley")
    device = make_device("fridge", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json)
    async with running(device):
        await shelved(device)
        refused = await decision_on(device, "idle")
        assert refused["rule"] == "no_consent"
        await agree(device)
        mark = device.mark
        placed = await decision_on(device, "idle")
        assert placed["chosen"]["crid"] == "pears"
        await shows(device, mark)
        screen = await device.get("/v1/screen")
        assert screen["crid"] == "pears"
        await device.post("/v1/press", {"button": "close"})
        await device.expect("it closes", lambda m: m["type"] == "screen" and not m["screen"]["on"], mark + 1)
        await device.expect("why", lambda m: m["type"] == "play" and m["play"]["close_cause"] == "press", mark)
        assert (await device.get("/v1/plays"))["plays"][0]["rendered"]


async def test_consent_packs_and_spacing_survive_a_restart_without_a_network(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.publish_sample("green-valley")
    device = make_device("fridge", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json)
    async with running(device):
        await shelved(device)
        await agree(device)
        mark = device.mark
        await decision_on(device, "idle")
        await shows(device, mark)
    own_broker.stop()
    async with running(again(device)) as device:
        await shelved(device)
        decision = await decision_on(device, "idle")
        assert decision["rule"] == "min_spacing", "what was shown before the restart still counts"
        assert (await device.get("/v1/state"))["consent"]["placements"]


async def test_a_broker_that_is_absent_at_start_and_comes_later(tmp_path: Path, own_broker: RunningBroker) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.publish_sample("green-valley")
    own_broker.stop()
    device = make_device("fridge", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json)
    async with running(device):
        health = await device.get("/health")
        assert health["status"] in {"ok", "degraded"}
        await agree(device)
        assert (await decision_on(device, "idle"))["outcome"] == "no_fill"
        own_broker.start()
        await shelved(device)
        log = (device.folder / "agent.log").read_text("utf-8")
        assert log.count("cannot be used") == 1, "a failure is told of once"


async def test_what_is_published_after_a_broker_restart_arrives(tmp_path: Path, own_broker: RunningBroker) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.publish_sample("green-valley")
    device = make_device("fridge", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json)
    async with running(device):
        await shelved(device)
        own_broker.restart()
        pack = tmp_path / "fleet" / "packs" / "green-valley" / "pack.toml"
        pack.write_text(pack.read_text("utf-8").replace("pear season", "late pears"), "utf-8")
        await fleet.publish_sample("green-valley")
        await device.expect(
            "the new version",
            lambda m: m["type"] == "packs" and any(pack["version"] == 2 and pack["complete"] for pack in m["packs"]),
            0,
        )


async def test_a_killed_agent_is_reported_by_its_last_will(tmp_path: Path, own_broker: RunningBroker) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.send()
    device = make_device("tv", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json)
    async with Wiretap(own_broker) as tap, running(device):
        topic, _ = await tap.until(lambda t, p: t.endswith("device/tv/state") and state_of(p).online)
        assert device._process is not None
        device._process.kill()
        await tap.until(lambda t, p: t == topic and not state_of(p).online)


async def test_sigterm_closes_what_plays_and_leaves_with_success(tmp_path: Path, own_broker: RunningBroker) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.publish_sample("green-valley")
    device = make_device("fridge", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json)
    await device.start()
    try:
        await shelved(device)
        await agree(device)
        mark = device.mark
        await decision_on(device, "idle")
        await shows(device, mark)
        assert device._process is not None
        device._process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(device._process.wait(), 10) == 0
        assert json.loads((device.runtime / "screen" / "now.json").read_text("utf-8"))["play"] is None
        with contextlib.closing(JournalReader.open_readonly(device.folder / "state" / "agent.db")) as journal:
            assert journal.proofs(1)[0].close_cause is CloseCause.SHUTDOWN
    finally:
        await device.stop()


async def test_signed_configuration_is_lived_by_and_its_outcome_told(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.publish_sample("green-valley")
    device = make_device("fridge", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json)
    async with Wiretap(own_broker) as tap, running(device):
        await shelved(device)
        await agree(device)
        await fleet.configure("config/fleet.json", version=5, placements={"max_per_day": 0})

        def told(outcome: ConfigOutcome, version: int) -> Any:
            def check(topic: str, payload: bytes) -> bool:
                if not topic.endswith("device/fridge/state"):
                    return False
                config = state_of(payload).config
                return config is not None and (config.outcome, config.version) == (outcome, version)

            return check

        await tap.until(told(ConfigOutcome.APPLIED, 5))
        assert (await decision_on(device, "idle"))["rule"] == "daily_cap"
        await fleet.configure("config/fleet.json", version=6, mqtt={"host": "evil.example"})
        _, payload = await tap.until(told(ConfigOutcome.REFUSED, 6))
        config = state_of(payload).config
        assert config is not None
        assert config.reason is not None
        assert "mqtt" in config.reason
        assert (await decision_on(device, "idle"))["rule"] == "daily_cap", "the last good configuration holds"


async def test_remote_configuration_cannot_widen_what_the_resident_narrowed(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.publish_sample("green-valley")
    await fleet.configure("config/fleet.json", version=1, placements={"max_per_day": 1000, "max_per_hour": 1000})
    device = make_device("fridge", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json)
    async with running(device):
        await shelved(device)
        await agree(device, max_per_day=0)
        assert (await decision_on(device, "idle"))["rule"] == "daily_cap"


async def test_device_software_gets_a_placement_to_say_in_its_own_voice(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.publish_sample("puddle-boots")
    device = make_device("speaker", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json)
    async with running(device):
        await shelved(device)
        await agree(device)
        answer = await device.post("/v1/slots", {**WEATHER, "format": "voice_mention"})
        assert answer["outcome"] == "selected"
        assert "Puddle boots" in answer["creative"]["text"]
        second = await device.post("/v1/slots", {**WEATHER, "format": "voice_mention"})
        assert second["rule"] == "already_playing"
        for event in ("loaded", "impression", "complete"):
            await device.post(f"/v1/plays/{answer['play_id']}/events", {"event": event, "t_ms": 10})
        play = (await device.get("/v1/plays"))["plays"][0]
        assert play["rendered"]
        third = await device.post("/v1/slots", {**WEATHER, "format": "voice_mention"})
        assert third["rule"] == "min_spacing"


async def test_nothing_but_state_and_sealed_reports_leaves_a_device(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    """The whole of what a device publishes in two days, read by someone who owns the broker."""
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.publish_sample("green-valley")
    device = make_device("fridge", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json)
    async with Wiretap(own_broker) as tap:
        published = {topic for topic, _ in tap.seen}
        async with running(device):
            await shelved(device)
            await agree(device)
            mark = device.mark
            decision = await decision_on(device, "idle")
            await shows(device, mark)
            play = (await device.get("/v1/plays"))["plays"][0]
            tomorrow = (await device.get("/v1/state"))["now"]
            await device.set_clock(datetime.fromisoformat(tomorrow) + timedelta(days=1, minutes=5))
            await tap.until(lambda topic, _: "/report/" in topic)
        said = [(topic, payload) for topic, payload in tap.seen if topic not in published and "/repo/" not in topic]
        assert {topic.split("/")[1] for topic, _ in said} == {"device", "report"}
        secrets = [play["play_id"], decision["id"], "pears", "green-valley", socket.gethostname()]
        for topic, payload in said:
            for secret in secrets:
                assert secret.encode() not in payload, f"{secret} left the device on {topic}"
            if topic.split("/")[1] == "report":
                assert b"fridge" not in payload
                assert "fridge" not in topic


async def test_a_bad_configuration_file_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text('profile = "virtual-tv"\ndevice_id = "tv"\n[voice]\nsensitivity = "loud"\n', "utf-8")
    done = await asyncio.to_thread(run_cli, "run", "--config", str(config))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert "voice.sensitivity" in done.stderr


def run_cli(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "edge_agent", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | environment,
    )


async def test_systemd_is_told_of_readiness_and_life(tmp_path: Path) -> None:
    """The notification protocol, with this test in systemd's place (sd_notify(3))."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)  # noqa: FBT003
        config = tmp_path / "agent.toml"
        config.write_text(
            'profile = "virtual-tv"\ndevice_id = "tv"\nruntime_directory = "run"\n'
            f"[mqtt]\nport = {free_port()}\n[debug]\nport = 0\n",
            "utf-8",
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "edge_agent",
            "run",
            "--config",
            str(config),
            env=os.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"},
            stderr=asyncio.subprocess.DEVNULL,
        )
        loop = asyncio.get_running_loop()
        said: list[str] = []
        async with asyncio.timeout(30):
            while not {"READY=1", "WATCHDOG=1"} <= set(said):
                said.append((await loop.sock_recv(systemd, 1024)).decode())
            process.terminate()
            while "STOPPING=1" not in said:
                said.append((await loop.sock_recv(systemd, 1024)).decode())
            assert await process.wait() == 0


def test_running_imports_nothing_of_the_operator_the_demo_or_training() -> None:
    code = "import edge_agent.app, sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    modules = set(json.loads(done.stdout))
    unwanted = {"amqtt", "numpy", "scipy", "torch", "segno", "rich", "sounddevice", "vosk", "schemathesis"}
    assert not modules & unwanted
    for room in ("edge_agent.fleet", "edge_agent.standin", "edge_agent.voice.training", "edge_agent.cli"):
        assert room not in modules


async def test_the_endpoint_refuses_acts_without_the_token_and_foreign_hosts(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    port = free_port()
    device = make_device("tv", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json)
    text = device.config.read_text("utf-8")
    device.config.write_text(text.replace(text.split("[debug]\nport = ")[1].split("\n")[0], str(port)), "utf-8")
    async with running(device), aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}"
        async with session.get(f"{url}/health") as response:
            assert response.status == 200
            assert (await response.json())["status"] in {"ok", "degraded"}
        async with session.post(f"{url}/v1/press", json={"button": "close"}) as response:
            assert response.status == 401
        async with session.get(f"{url}/health", headers={"Host": "evil.example"}) as response:
            assert response.status == 421
        token = (device.folder / "token").read_text("utf-8").strip()
        headers = {"Authorization": f"Bearer {token}"}
        async with session.post(f"{url}/v1/press", json={"button": "close"}, headers=headers) as response:
            assert response.status == 202
    assert token not in (device.folder / "agent.log").read_text("utf-8")


async def test_health_is_told_to_the_fleet(tmp_path: Path, own_broker: RunningBroker) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.send()
    device = make_device("tv", tmp_path, broker_port=own_broker.port, root_json=b"{}")
    async with Wiretap(own_broker) as tap, running(device):
        _, payload = await tap.until(
            lambda t, p: t.endswith("device/tv/state") and state_of(p).health is Health.DEGRADED
        )
        assert any("no root of trust" in problem for problem in state_of(payload).problems)


async def test_a_mute_shows_on_the_device_on_the_page_and_in_mqtt(tmp_path: Path, own_broker: RunningBroker) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.send()
    device = make_device("speaker", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json, listens=True)
    light = device.runtime / "microphone.json"

    async def shines(state: str) -> None:
        async with asyncio.timeout(20):
            # Nothing tells of a light but the light.
            while not light.exists() or json.loads(light.read_text("utf-8"))["microphone"] != state:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async with Wiretap(own_broker) as tap, running(device):
        await shines("listening")
        for muted, state in ((True, "muted"), (False, "listening")):
            tap.seen.clear()
            await device.post("/v1/state", {"microphone_muted": muted})
            await shines(state)
            assert (await device.get("/v1/state"))["microphone"] == state
            await tap.until(lambda topic, payload, state=state: tells_of(topic, payload, state))  # type: ignore[misc]


def tells_of(topic: str, payload: bytes, microphone: str) -> bool:
    return topic.endswith("/state") and bool(payload) and state_of(payload).microphone == microphone
