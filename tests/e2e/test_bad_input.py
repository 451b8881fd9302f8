"""Whole devices among hostile and broken things: told of once, seen in health, and nothing on the device is lost."""

import asyncio
import contextlib
import os
import re
import resource
import stat
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from edge_agent.fleet.publishing.broker import BrokerAddress
from edge_agent.fleet.publishing.send import send
from edge_agent.link.reported_state import ConfigOutcome, Health, ReportedState
from edge_agent.measure.journal_reader import JournalReader
from edge_agent.model.play import ProofOfPlay
from edge_agent.settings.resident import ResidentStore
from edge_agent.standin.household import Device
from tests.attacks import ATTACKS, Attack
from tests.attacks.planting import plant
from tests.brokers import MOSQUITTO, Mosquitto, RunningBroker
from tests.e2e.homes import (
    Fleet,
    Wiretap,
    again,
    agree,
    decision_on,
    log_lines,
    make_device,
    placed,
    problem,
    running,
    shelved,
    shows,
    solved,
)
from tests.fleets import SmallFleet, png, random_bytes, silent

pytestmark = pytest.mark.e2e

PEARS: Final = "pears"
"""The creative of the sample pack that a fridge shows when it is idle."""


@asynccontextmanager
async def fridge(
    tmp_path: Path, broker: RunningBroker, *, extra: str = "", agreed: bool = True
) -> AsyncIterator[tuple[Fleet, Device]]:
    """A fridge that has its first pack, and a resident who agreed; `extra` goes into agent.toml."""
    fleet = Fleet(tmp_path / "fleet", broker)
    await fleet.publish_sample("green-valley")
    device = make_device("fridge", tmp_path, broker_port=broker.port, root_json=fleet.root_json, extra=extra)
    async with running(device):
        await shelved(device)
        if agreed:
            await agree(device)
        yield fleet, device


async def later(device: Device, **by: float) -> None:
    """Move the stand-in's clock on, past spacing and caps."""
    now = datetime.fromisoformat((await device.get("/v1/state"))["now"])
    await device.set_clock(now + timedelta(**by))


def tells(problem_text: str) -> Any:
    """Return whether a retained device state tells of that problem."""

    def check(topic: str, payload: bytes) -> bool:
        if "/device/" not in topic or not payload:
            return False
        state = ReportedState.from_payload(payload)
        return state.health is Health.DEGRADED and any(problem_text in told for told in state.problems)

    return check


# --- packs -------------------------------------------------------------------------------------------------------

CHOSEN: Final = (
    "unsigned timestamp",
    "arbitrary software: a stranger's timestamp",
    "altered advertiser's role",
    "wrong hash",
    "altered chunk",
    "missing chunk",
    "unknown format",
)
"""tests/e2e/test_attacks.py tries every attack on the packs room; here the whole agent must bear some."""


def poster(seed: str) -> bytes:
    return png(1080, 1920, random_bytes(300_000, seed))


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if attack.name in CHOSEN], ids=lambda a: a.name)
async def test_a_hostile_publisher_is_told_of_and_the_last_good_pack_still_plays(
    attack: Attack, tmp_path: Path, own_broker: RunningBroker
) -> None:
    fleet, address = SmallFleet(tmp_path / "operator"), BrokerAddress(own_broker.host, own_broker.port)
    attack.prepare(fleet)
    fleet.sign(poster=poster("first"))
    await send(fleet.fleet, address, silent)
    device = make_device("fridge", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json.read_bytes())
    async with Wiretap(own_broker) as tap, running(device):
        await shelved(device)
        await agree(device)
        fleet.sign(poster=poster("second"))
        await plant(own_broker, "edge", attack.plant(fleet))
        assert (await problem(device, attack.complaint))["next_step"]
        await tap.until(tells(attack.complaint[:60]))
        await placed(device, "spring-poster")
        (pack,) = (await device.get("/v1/packs"))["packs"]
        assert (pack["version"], pack["complete"]) == (1, True)
        assert len(log_lines(device, attack.complaint)) == 1
        attack.repair(fleet)
        fleet.fleet.remove("packs/acme/spring.json")
        fleet.sign("summer", poster("third"))
        mark = device.mark
        await send(fleet.fleet, address, silent, everything=True, take_over=True)
        await device.expect(
            "the honest pack",
            lambda m: m["type"] == "packs" and [p["name"] for p in m["packs"] if p["complete"]] == ["acme/summer"],
            mark,
        )
        await solved(device, attack.complaint)


async def test_a_pack_that_is_too_large_is_refused_and_the_one_before_it_plays(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    fleet, address = SmallFleet(tmp_path / "operator"), BrokerAddress(own_broker.host, own_broker.port)
    fleet.sign(poster=poster("first"))
    await send(fleet.fleet, address, silent)
    device = make_device("fridge", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json.read_bytes())
    text = device.config.read_text("utf-8")
    device.config.write_text(text.replace("[packs]\n", "[packs]\nmax_pack_bytes = 400000\n"), "utf-8")
    async with Wiretap(own_broker) as tap, running(device):
        await shelved(device)
        await agree(device)
        fleet.sign(poster=png(1080, 1920, random_bytes(500_000, "too large")))
        await send(fleet.fleet, address, silent)
        told = await problem(device, "400000")
        await tap.until(tells("400000"))
        await placed(device, "spring-poster")
        assert len(log_lines(device, told["what"])) == 1
        chunks = (device.folder / "state" / "packs" / "chunks").glob("**/*")
        assert not [path for path in chunks if path.is_file()], "nothing of it was fetched"
        fleet.sign(poster=poster("fits"))
        await send(fleet.fleet, address, silent)
        await solved(device, "400000")


# --- configuration -----------------------------------------------------------------------------------------------


async def test_malformed_remote_configuration_is_told_of_once_and_the_last_good_one_holds(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    async with Wiretap(own_broker) as tap:

        def told(outcome: ConfigOutcome) -> Any:
            def check(topic: str, payload: bytes) -> bool:
                config = ReportedState.from_payload(payload).config if topic.endswith("device/fridge/state") else None
                return config is not None and config.outcome is outcome

            return check

        async with fridge(tmp_path, own_broker) as (fleet, device):
            await fleet.configure("config/fleet.json", version=1, placements={"max_per_day": 3})
            await tap.until(told(ConfigOutcome.APPLIED))
            fleet.repository.put(
                "config/fleet.json", b'{"v": 1, "version": 2, "placements": {"max_per_day": "many"}}'
            )
            fleet.repository.commit(datetime.now(UTC))
            await fleet.send()
            assert (await problem(device, "placements.max_per_day"))["next_step"]
            await tap.until(told(ConfigOutcome.REFUSED))
            await tap.until(tells("placements.max_per_day"))
            await placed(device, PEARS)
        async with running(again(device)) as device:
            await problem(device, "placements.max_per_day")
            assert (await device.get("/v1/state"))["consent"]["placements"]
            await later(device, hours=1)
            await placed(device, PEARS)
            await fleet.configure("config/fleet.json", version=3, placements={"max_per_day": 2})
            await solved(device, "placements.max_per_day")
            await later(device, hours=1)
            assert (await decision_on(device, "idle"))["rule"] == "daily_cap"
        assert len(log_lines(device, "placements.max_per_day")) == 1, "also over a restart"


async def test_a_malformed_agent_toml_is_one_sentence_and_touches_nothing(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    async with fridge(tmp_path, own_broker) as (_, device):
        await placed(device, PEARS)
    good = device.config.read_text("utf-8")
    for bad, names in (
        (re.sub('timezone = ".*"', 'timezone = "Mars/Olympus"', good), "Mars/Olympus"),
        (good.replace("[mqtt]", "[mqtt"), "TOML"),
        (good.replace("[mqtt]\nport = ", "[mqtt]\nport = 9"), "mqtt.port"),
        (good + '[placements]\nmin_spacing = "soon"\n', "placements.min_spacing"),
    ):
        device.config.write_text(bad, "utf-8")
        process = await asyncio.create_subprocess_exec(*device.command, stderr=asyncio.subprocess.PIPE)
        _, said = await process.communicate()
        assert process.returncode == 1
        assert said.count(b"\n") == 1, said
        assert names.encode() in said
    device.config.write_text(good, "utf-8")
    own_broker.stop()
    async with running(again(device)) as device:
        await shelved(device)
        assert (await device.get("/v1/state"))["consent"]["placements"]
        assert (await decision_on(device, "idle"))["rule"] == "min_spacing", "what was shown still counts"


# --- hooks -------------------------------------------------------------------------------------------------------

HOSTILE: Final = {
    "hangs": "time.sleep(600)",
    "ignores SIGTERM": "signal.signal(signal.SIGTERM, signal.SIG_IGN); say('loaded'); time.sleep(600)",
    "crashes": "raise SystemExit(3)",
    "prints garbage": "print('\\x1b[2J not JSON', flush=True); time.sleep(600)",
    "floods": "while True: say('loaded')",
    "lies": "say('complete')",
}
COMPLAINTS: Final = {
    "hangs": "did not load within",
    "ignores SIGTERM": "did not close when it was asked to",
    "crashes": "before the play was over",
}

PREAMBLE: Final = """
import json, signal, sys, time
request = json.loads(sys.stdin.readline())
def say(event, t_ms=0): print(json.dumps({"event": event, "t_ms": t_ms}), flush=True)
"""

GOOD: Final = 'say("loaded"); say("impression"); say("complete")'


def write_hooks(folder: Path, **bodies: str) -> str:
    """Write hooks into `folder` and return the lines of agent.toml that name them."""
    folder.mkdir(exist_ok=True)
    for name, body in bodies.items():
        (folder / f"{name}.py").write_text(PREAMBLE + body, "utf-8")
    hooks = ", ".join(f'{name} = "{name}.py"' for name in bodies)
    return f'[render]\nhooks_directory = "{folder}"\nhooks = {{ {hooks} }}\nstart_timeout = 1\nrestart_min = 0.1\n'


@pytest.mark.parametrize("behaviour", HOSTILE)
async def test_a_hostile_hook_costs_its_play_and_nothing_else(
    behaviour: str, tmp_path: Path, own_broker: RunningBroker
) -> None:
    hooks = tmp_path / "hooks"
    extra = write_hooks(hooks, show=HOSTILE[behaviour])
    async with (
        Wiretap(own_broker) as tap,
        fridge(tmp_path, own_broker, extra=extra) as (_, device),
    ):
        for _ in range(2):
            mark = device.mark
            answer = await device.post("/v1/moments", {"kind": "idle"})
            assert answer["decision"]["outcome"] == "selected"
            if behaviour == "ignores SIGTERM":
                await device.expect("it loads", lambda m: m["type"] == "play" and m["play"]["events"], mark)
                await device.post("/v1/press", {"button": "close"})
            await device.expect("it ends", lambda m: m["type"] == "play" and m["play"]["ended_at"] is not None, mark)
        assert [play["rendered"] for play in (await device.get("/v1/plays"))["plays"]] == [False, False]
        (told,) = (await device.get("/health"))["problems"]
        assert COMPLAINTS.get(behaviour, "") in told["what"]
        assert told["next_step"]
        await tap.until(tells("The show hook fails"))
        assert not any(told["what"].encode() in payload for _, payload in tap.seen), "the fleet is not told its words"
        assert len(log_lines(device, told["what"])) == 1
        assert (await device.get("/v1/state"))["consent"]["placements"]
        write_hooks(hooks, show=GOOD)
        answer = await device.post("/v1/moments", {"kind": "idle"})
        assert answer["decision"]["outcome"] == "selected", "what was not rendered counts for no cap"
        await solved(device, told["what"])
        assert len(log_lines(device, "The show hook is in order again.")) == 1


@pytest.mark.parametrize("behaviour", ["crashes", "prints garbage", "floods"])
async def test_a_hostile_watch_hook_is_told_of_once_and_found_again(
    behaviour: str, tmp_path: Path, own_broker: RunningBroker
) -> None:
    hooks = tmp_path / "hooks"
    extra = write_hooks(hooks, show=GOOD, watch=HOSTILE[behaviour].replace("600", "0.3"))
    async with fridge(tmp_path, own_broker, extra=extra) as (_, device):
        await problem(device, "hook")
        answer = await device.post("/v1/moments", {"kind": "idle"})
        assert answer["decision"]["outcome"] == "selected"
        write_hooks(hooks, watch='print(json.dumps({"state": {"media_playing": True}}), flush=True); time.sleep(600)')
        await solved(device, "hook")
        assert (await device.get("/v1/state"))["media_playing"]
        assert len(log_lines(device, "The watch hook is in order again.")) == 1
        assert len([line for line in log_lines(device, "hook") if line.startswith("WARNING")]) == 1


# --- the broker --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")
async def test_a_broker_that_forgets_sessions_and_packs_leaves_the_shelf_and_is_heard_again(tmp_path: Path) -> None:
    with Mosquitto(persistent=False) as broker:
        async with fridge(tmp_path, broker) as (fleet, device):
            broker.restart()
            await placed(device, PEARS)
            pack = fleet.folder / "packs" / "green-valley" / "pack.toml"
            pack.write_text(pack.read_text("utf-8").replace("pear season", "late pears"), "utf-8")
            mark = device.mark
            await fleet.publish_sample("green-valley")
            await device.expect(
                "the new version",
                lambda m: "packs" in m and [(p["version"], p["complete"]) for p in m["packs"]] == [(2, True)],
                mark,
            )
            async with Wiretap(broker) as tap:
                await tap.until(lambda topic, payload: topic.endswith("device/fridge/state") and bool(payload))
            assert len(log_lines(device, "cannot be used")) <= 1
            assert (await device.get("/v1/state"))["consent"]["placements"]


# --- the microphone ----------------------------------------------------------------------------------------------


async def test_a_microphone_that_disappears_and_comes_back(tmp_path: Path, own_broker: RunningBroker) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.send()
    device = make_device("speaker", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json)
    microphone = device.runtime / "microphone"
    os.mkfifo(microphone, 0o600)
    text = device.config.read_text("utf-8")
    device.config.write_text(text.replace('source = "off"', f'source = "pipe:{microphone}"'), "utf-8")

    def is_now(state: str) -> Callable[[dict[str, Any]], bool]:
        return lambda message: message["type"] == "state" and message["state"]["microphone"] == state

    async with Wiretap(own_broker) as tap, running(device):
        if (await device.get("/v1/state"))["microphone"] != "listening":
            await device.expect("it listens", is_now("listening"), 0)
        mark = device.mark
        microphone.unlink()
        microphone.mkdir()  # so that it cannot simply be made again
        await device.expect("it is lost", is_now("lost"), mark)
        assert (await problem(device, "The microphone is lost"))["next_step"]
        await tap.until(tells("The microphone is lost"))
        mark = device.mark
        microphone.rmdir()
        await device.expect("it is found", is_now("listening"), mark)
        assert stat.S_ISFIFO(microphone.stat().st_mode)
        await solved(device, "The microphone is lost")
        assert len(log_lines(device, "The microphone is lost")) == 1
        assert len(log_lines(device, "The microphone is back")) == 1


async def test_a_speech_model_that_is_none_is_told_of_and_the_rest_works(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    microphone = tmp_path / "microphone"
    os.mkfifo(microphone, 0o600)
    extra = f'[voice]\nsource = "pipe:{microphone}"\nmodel = "{tmp_path}"\n'
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.publish_sample("green-valley")
    device = make_device("fridge", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json)
    text = device.config.read_text("utf-8")
    device.config.write_text(text.replace('[voice]\nsource = "off"\n', extra), "utf-8")
    async with running(device):
        await shelved(device)
        await agree(device)
        told = await problem(device, str(tmp_path))
        assert told["next_step"]
        await placed(device, PEARS)
        assert (await device.get("/v1/state"))["microphone"] == "off"
        assert len(log_lines(device, "Nothing can be heard.")) == 1


# --- the disk ----------------------------------------------------------------------------------------------------


def fill_disk(device: Device) -> None:
    """Let no file grow past what the running agent's database has already: writes fail as on a full disk."""
    state = device.folder / "state"
    full = max((state / name).stat().st_size for name in ("agent.db-wal", "agent.db-shm"))
    limit_files(device, full)


def limit_files(device: Device, size: int) -> None:
    assert device._process is not None
    resource.prlimit(device._process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def test_a_full_disk_loses_nothing_and_is_told_of_once(tmp_path: Path, own_broker: RunningBroker) -> None:
    async with Wiretap(own_broker) as tap, fridge(tmp_path, own_broker) as (fleet, device):
        await placed(device, PEARS)
        fill_disk(device)
        await later(device, hours=1)
        await placed(device, PEARS, journaled=False)
        await problem(device, "agent.db cannot be written")
        await agree(device, max_per_day=2)
        assert (await problem(device, "The resident's choice cannot be written"))["next_step"]
        await tap.until(tells("The resident's choice cannot be written"))
        await later(device, hours=1)
        assert (await decision_on(device, "idle"))["rule"] == "daily_cap", "a choice holds before it is written down"
        pack = fleet.folder / "packs" / "green-valley"
        (pack / "pears.png").write_bytes(poster("a large one"))
        await fleet.publish_sample("green-valley")
        await problem(device, "cannot be")
        assert [pack["version"] for pack in (await device.get("/v1/packs"))["packs"]] == [1]
        limit_files(device, resource.RLIM_INFINITY)
        mark = device.mark
        await device.expect(
            "the new pack",
            lambda m: m["type"] == "packs" and [(p["version"], p["complete"]) for p in m["packs"]] == [(2, True)],
            mark,
        )
        await decision_on(device, "idle")
        await solved(device, "cannot be written")
        assert len(log_lines(device, "The resident's choice cannot be written")) == 1
        assert len(log_lines(device, "The memory of the resident's choice is in order again.")) == 1
        assert len(log_lines(device, "The journal is in order again.")) == 1
    assert not log_lines(device, "Traceback")
    store = ResidentStore(device.folder / "state" / "agent.db")
    assert store.load()[1].max_per_day == 2
    store.close()
    proofs = proofs_of(device)
    assert [proof.was_rendered for proof in proofs] == [True, True]
    assert all(proof.ended_at is not None for proof in proofs)


def proofs_of(device: Device) -> list[ProofOfPlay]:
    with contextlib.closing(JournalReader.open_readonly(device.folder / "state" / "agent.db")) as journal:
        return journal.proofs(100)


async def test_a_disk_that_is_full_at_the_start_keeps_nothing_from_playing(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    async with fridge(tmp_path, own_broker) as (_, device):
        pass
    size = (device.folder / "state" / "agent.db").stat().st_size
    full = Crammed(device.spec, device.folder)
    full.limit = size
    async with running(full):
        await shelved(full)
        assert (await full.get("/v1/state"))["consent"]["placements"]
        await placed(full, PEARS)


class Crammed(Device):
    """A device that is started on a full disk: no file may grow past `limit` bytes."""

    limit = 0

    @property
    def command(self) -> tuple[str, ...]:
        return ("prlimit", f"--fsize={self.limit}:unlimited", *super().command)


async def test_a_device_that_could_never_write_says_so_in_one_sentence(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    made = make_device("fridge", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json)
    device = Crammed(made.spec, made.folder)
    process = await asyncio.create_subprocess_exec(*device.command, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 1
    assert said.count(b"\n") == 1, said
    assert b"agent.db" in said
    assert b"Free some space" in said


# --- the clock ---------------------------------------------------------------------------------------------------


class Stopped(Device):
    """A device whose machine clock is wrong by the seconds in `offset`."""

    @property
    def offset(self) -> Path:
        return self.folder / "offset"

    @property
    def command(self) -> tuple[str, ...]:
        script = Path(__file__).with_name("wrong_clock.py")
        return (sys.executable, str(script), str(self.config), str(self.offset))


async def test_a_clock_in_1970_places_nothing_until_it_is_set_and_loses_nothing(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.publish_sample("green-valley")
    made = make_device("fridge", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json)
    device = Stopped(made.spec, made.folder)
    device.offset.write_text(str(-time.time()), "utf-8")
    async with running(device):
        await shelved(device)
        await agree(device)
        assert not (await device.get("/v1/state"))["clock_trusted"]
        assert (await decision_on(device, "idle"))["rule"] == "clock_not_set"
        assert len(log_lines(device, "it is not believed")) == 1
        device.offset.write_text("0", "utf-8")
        mark = device.mark
        await fleet.publish_sample("lumen-tea")  # wakes the device's packs, which judge the clock
        if not (await device.get("/v1/state"))["clock_trusted"]:
            await device.expect("trust", lambda m: m["type"] == "state" and m["state"]["clock_trusted"], mark)
        assert len(log_lines(device, "believable again")) == 1
        await placed(device, PEARS)
        assert (await device.get("/v1/state"))["consent"]["placements"]


async def test_a_clock_that_jumps_frees_no_cap_and_loses_nothing(tmp_path: Path, own_broker: RunningBroker) -> None:
    async with fridge(tmp_path, own_broker) as (_, device):
        await placed(device, PEARS)
        now = datetime.now(UTC)
        await device.set_clock(now - timedelta(minutes=5))
        assert (await decision_on(device, "idle"))["rule"] == "min_spacing", "setting the clock back frees nothing"
        await device.set_clock(now + timedelta(days=3650))
        assert (await decision_on(device, "idle"))["outcome"] == "no_fill", "the flight is over"
        await device.set_clock(now + timedelta(hours=1))
        await placed(device, PEARS)
        assert [play["rendered"] for play in (await device.get("/v1/plays"))["plays"]] == [True, True]
        assert not log_lines(device, "Traceback")
    async with running(again(device)) as device:
        await shelved(device)
        assert (await device.get("/v1/state"))["consent"]["placements"]
        assert (await decision_on(device, "idle"))["rule"] == "min_spacing"


# --- the power ---------------------------------------------------------------------------------------------------


async def test_kill_9_in_the_middle_of_a_play_leaves_everything_whole(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    async with fridge(tmp_path, own_broker) as (_, device):
        await agree(device, max_per_day=7)
        mark = device.mark
        await decision_on(device, "idle")
        await shows(device, mark)
        play_id = (await device.get("/v1/plays"))["plays"][0]["play_id"]
        assert device._process is not None
        device._process.kill()
        await device._process.wait()
    own_broker.stop()
    async with running(again(device)) as device:
        await shelved(device)
        (play,) = (await device.get("/v1/plays"))["plays"]
        assert (play["play_id"], play["rendered"]) == (play_id, True)
        assert play["ended_at"] is not None, "its last proven event is the end that is known"
        state = await device.get("/v1/state")
        assert (state["consent"]["placements"], state["limits"]["max_per_day"]) == (True, 7)
        assert (await decision_on(device, "idle"))["rule"] == "min_spacing"
        assert not (await device.get("/v1/screen"))["on"], "its hook took the picture away by itself"
        await later(device, hours=1)
        await placed(device, PEARS)
