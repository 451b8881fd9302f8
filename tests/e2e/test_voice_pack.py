"""New words on a running device: compiled by the operator, signed, fetched, and heard without a restart."""

import asyncio
import ctypes.util
import hashlib
import json
import struct
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
import numpy as np
import pytest
from scipy.io import wavfile

from edge_agent.fleet.signing.chunk_folder import ChunkKeeper
from edge_agent.fleet.signing.voice import sign_voice, withdraw_voice
from edge_agent.packs.source import metadata_topic
from edge_agent.standin.household import Device
from edge_agent.voice.models import packaged_models
from edge_agent.voice.phrases.adding import make_model, plan_phrases
from edge_agent.voice.training.espeak import espeak
from edge_agent.voice.training.requirements import can_build_graphs
from edge_agent.voice.training.resampling import to_model_rate
from tests.brokers import RunningBroker
from tests.e2e.homes import Fleet, log_lines, make_device, problem, running, solved

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        ctypes.util.find_library("espeak-ng") is None or not can_build_graphs(),
        reason="espeak-ng or libfst-tools is not installed",
    ),
]
NAME = "config/voice/en.json"
Document = dict[str, Any]


@pytest.fixture(scope="module")
def glowbar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged model with a word that it has never heard of."""
    plan = plan_phrases(packaged_models()["en"], ["hey glowbar"])
    return make_model(plan, tmp_path_factory.mktemp("models") / "glowbar").directory


@pytest.fixture(scope="module")
def zyntrix(tmp_path_factory: pytest.TempPathFactory, glowbar: Path) -> Path:
    """The same with one more word."""
    plan = plan_phrases(glowbar, ["okay zyntrix"])
    return make_model(plan, tmp_path_factory.mktemp("models") / "zyntrix").directory


@pytest.fixture
def fleet(tmp_path: Path, own_broker: RunningBroker) -> Fleet:
    return Fleet(tmp_path / "fleet", own_broker)


@pytest.fixture
def device(tmp_path: Path, own_broker: RunningBroker, fleet: Fleet) -> Device:
    return make_device("speaker", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json, listens=True)


async def publish(fleet: Fleet, model: Path) -> None:
    await asyncio.to_thread(sign_voice, fleet.repository, model, datetime.now(UTC), lambda *_: None)
    await fleet.send()


async def publish_altered(fleet: Fleet, change: Callable[[Document, Fleet], None]) -> None:
    """Sign the published voice pack once more, altered by the operator's own hand."""
    document = json.loads(fleet.repository.document(NAME))
    document["version"] += 1
    change(document, fleet)
    fleet.repository.put(NAME, json.dumps(document).encode())
    fleet.repository.commit(datetime.now(UTC))
    await send_unread(fleet)


async def send_unread(fleet: Fleet) -> None:
    """Send everything that was signed, as a tool does that does not read what it sends; the timestamp last."""
    found = {f"chunk/{path.name}": path for path in (fleet.folder / "chunks").iterdir()}
    found |= {f"target/{path.name}": path for path in (fleet.folder / "targets").iterdir()}
    found |= {metadata_topic(path.stem).removeprefix("repo/"): path for path in (fleet.folder / "metadata").iterdir()}
    found["meta/timestamp"] = found.pop("meta/timestamp")
    async with aiomqtt.Client(fleet.address.host, fleet.address.port) as client:
        for topic, path in found.items():
            await client.publish(f"edge/repo/{topic}", path.read_bytes(), qos=1, retain=True)


async def listens_for(device: Device, phrase: str) -> None:
    def now(state: dict[str, Any]) -> bool:
        return phrase in state["phrases"]

    mark = device.mark
    if not now(await device.get("/v1/state")):
        await device.expect(f"listening for {phrase}", lambda m: m["type"] == "state" and now(m["state"]), mark)


async def says(device: Device, text: str) -> None:
    """Say `text` in front of the device, and wait until it is heard."""
    samples, _ = await asyncio.to_thread(
        lambda: espeak().speak(text, voice="en-us+f2", words_per_minute=150, pitch=55, range_=50, gap=0)
    )
    path = device.folder / "said.wav"
    quiet = np.zeros(8000, np.int16)
    heard = np.concatenate([quiet, to_model_rate(samples, espeak().rate_hz), quiet]).astype(np.int16)
    wavfile.write(path, 16_000, heard)
    mark = device.mark
    await device.speak(path)
    await device.expect(f"it hears {text}", lambda m: m["type"] == "heard" and m["heard"]["phrase"] == text, mark)


async def test_a_new_word_is_heard_by_the_running_agent_whichever_comes_first(
    fleet: Fleet, device: Device, glowbar: Path, zyntrix: Path
) -> None:
    wakes = ["hey kitchen", "hey glowbar"]
    await fleet.send()
    async with running(device):
        await fleet.configure("config/fleet.json", version=1, voice={"wake_phrases": wakes})
        await problem(device, "glowbar")
        await publish(fleet, glowbar)  # the configuration was first: it is tried again with the new words
        await listens_for(device, "hey glowbar")
        await says(device, "hey glowbar")
        await says(device, "hey kitchen")
        await solved(device, "glowbar")
        mark = device.mark
        await publish(fleet, zyntrix)  # the words are first
        await fleet.configure("config/fleet.json", version=2, voice={"wake_phrases": [*wakes, "okay zyntrix"]})
        await listens_for(device, "okay zyntrix")
        await says(device, "okay zyntrix")
        await says(device, "hey glowbar")
        assert not [m for m in device.messages[mark:] if m.get("type") == "microphone"]
    fitted = device.folder / "state" / "models" / "fitted"
    assert len([path for path in fitted.iterdir() if path.is_dir()]) == 1, "an older version was left behind"
    async with running(device):  # it needs neither the network nor a second look to hear them again
        await says(device, "okay zyntrix")
        await fleet.configure("config/fleet.json", version=3, voice={"wake_phrases": ["hey kitchen"]})
        withdraw_voice(fleet.repository, "en", datetime.now(UTC))
        await fleet.send()
        await listens_for(device, "hey kitchen")
        await says(device, "hey kitchen")
    assert not log_lines(device, "Traceback")


def other_network(document: Document, _fleet: Fleet) -> None:
    document["base"] = "0" * 64


def another_content(name: str, alter: Callable[[bytes], bytes]) -> Callable[[Document, Fleet], None]:
    """Return what puts an altered file, correctly signed, into the pack."""

    def change(document: Document, fleet: Fleet) -> None:
        packed = document["files"][name]["packed"]
        chunks = [fleet.repository.chunk_path(chunk["sha256"]).read_bytes() for chunk in packed["chunks"]]
        content = alter(b"".join(zlib.decompress(chunk) for chunk in chunks))
        pieces = [zlib.compress(content[start : start + 100_000]) for start in range(0, len(content), 100_000)]
        with ChunkKeeper(fleet.repository) as keeper:
            kept = [{"sha256": keeper.keep(piece), "length": len(piece)} for piece in pieces]
        document["files"][name] = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "length": len(content),
            "packed": {
                **packed,
                "sha256": hashlib.sha256(b"".join(pieces)).hexdigest(),
                "length": sum(map(len, pieces)),
                "chunks": kept,
            },
        }

    return change


def with_a_path_that_leads_out(document: Document, _fleet: Fleet) -> None:
    document["files"]["graph/../../../agent.toml"] = document["files"].pop("graph/phones.txt")


def with_a_network(document: Document, _fleet: Fleet) -> None:
    document["files"]["am/final.mdl"] = document["files"]["graph/phones.txt"]


def that_unpacks_to_more(document: Document, _fleet: Fleet) -> None:
    document["files"]["graph/HCLr.fst"]["length"] -= 1


def that_is_huge(document: Document, _fleet: Fleet) -> None:
    document["files"]["graph/HCLr.fst"]["length"] = 2**40


def out_of_bounds(content: bytes) -> bytes:
    """Let the last arc before what is looked ahead with lead to a state that there is not (layout: `voice.fst`)."""
    at = content.index(b"const") + len(b"const") + 4 + len(b"standard") + 24
    states, arcs = struct.unpack_from("<qq", content, at)
    end = at + 16 + states * 20 + arcs * 16
    return content[: end - 4] + struct.pack("<i", states) + content[end:]


HOSTILE: dict[str, tuple[Callable[[Document, Fleet], None], str]] = {
    "another network": (other_network, "is for another speech model"),
    "a graph cut short": (
        another_content("graph/HCLr.fst", lambda content: content[: len(content) // 2]),
        "cut short",
    ),
    "an arc into nowhere": (another_content("graph/HCLr.fst", out_of_bounds), "refers to what it does not have"),
    "garbage for a graph": (another_content("graph/Gr.fst", lambda content: bytes(len(content))), "no graph"),
    "no words": (another_content("graph/words.txt", lambda _: b"<eps> 0\n"), "has no words"),
    "what follows the arcs is gone": (
        another_content("graph/HCLr.fst", lambda content: content[:-400_000]),
        "cut short",
    ),
    "a path that leads out": (with_a_path_that_leads_out, "files"),
    "a network of its own": (with_a_network, "not its to bring"),
    "more than was signed": (that_unpacks_to_more, "not what was signed"),
    "a huge file": (that_is_huge, "at most"),
}


@pytest.mark.slow
async def test_a_bad_voice_pack_is_refused_in_one_sentence_and_the_old_words_are_heard(
    fleet: Fleet, device: Device, glowbar: Path
) -> None:
    await fleet.configure("config/fleet.json", version=1, voice={"wake_phrases": ["hey glowbar"]})
    await publish(fleet, glowbar)
    async with running(device):
        await listens_for(device, "hey glowbar")
        good = fleet.repository.document(NAME)
        for change, said in HOSTILE.values():
            fleet.repository.put(NAME, good)
            await publish_altered(fleet, change)
            await problem(device, said)
        await says(device, "hey glowbar")
        fleet.repository.put(NAME, good)
        fleet.repository.commit(datetime.now(UTC))
        await send_unread(fleet)
        await solved(device, "voice pack")
        await says(device, "hey glowbar")
    told = log_lines(device, "The words of before are heard")
    assert 0 < len(told) < len(HOSTILE), "what comes and goes is told of a few times an hour"
    assert not log_lines(device, "Traceback")
