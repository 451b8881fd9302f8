"""Print what one whole agent costs, beside a bare Python process that imports the same libraries.

python -m tests.bench.agent [--rounds N] [--json]

ready    from exec to systemd's READY=1, against a process that only imports aiohttp, aiomqtt, pydantic and tuf
memory   resident set of a running speaker agent (model loaded, microphone open, a pack on the shelf) while it
         listens to silence and to speech, against a process that only loads the model and a recogniser
cpu      share of one core of the same agent in silence and in speech, its microphone fed in real time
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from edge_agent.standin.day import SPEECH
from tests.brokers import free_port, preferred
from tests.e2e.homes import Fleet, agree, make_device, running, shelved

RATE = 16_000
BARE_IMPORTS = "import asyncio, sqlite3, aiohttp.web, aiomqtt, pydantic, tuf.ngclient, prometheus_client"
BARE_MODEL = """
import sys
from pathlib import Path
from edge_agent.voice.models import model_for
from edge_agent.voice.libvosk import Decoder
from edge_agent.settings.rooms import VoiceSettings
model = model_for(VoiceSettings()).load()
decoder = Decoder(model, '["hey speaker", "[unk]"]')
print("loaded", flush=True)
sys.stdin.read()
"""


def resident_mib(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss) / 2**20


@contextmanager
def notify_socket(folder: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(folder / "notify"))
        systemd.settimeout(60)
        yield systemd


def ready_s() -> float:
    """Return the seconds from exec to READY=1 of an agent with nothing on its shelf and no broker."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / "agent.toml"
        config.write_text(
            'profile = "virtual-speaker"\ndevice_id = "bench"\nruntime_directory = "run"\n'
            f"[mqtt]\nport = {free_port()}\n[debug]\nport = 0\n",
            "utf-8",
        )
        with notify_socket(folder) as systemd:
            began = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, "-m", "edge_agent", "run", "--config", str(config)],
                env=os.environ | {"NOTIFY_SOCKET": str(folder / "notify")},
                stderr=subprocess.DEVNULL,
            )
            while systemd.recv(1024) != b"READY=1":
                pass
            took = time.perf_counter() - began
            process.terminate()
            process.wait()
        return took


def bare_s() -> float:
    """Return the seconds that a process takes which only imports the big libraries."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", BARE_IMPORTS], check=True)
    return time.perf_counter() - began


def bare_model_mib() -> float:
    """Return the resident set of a process that loaded the model and a recogniser, and nothing else of the agent."""
    with subprocess.Popen(
        [sys.executable, "-c", BARE_MODEL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = resident_mib(process.pid)
        process.communicate("")
        return found


def speech() -> bytes:
    """Return what the stand-in's people and devices say, one after another."""
    parts = []
    for path in sorted(SPEECH.glob("*.wav")):
        with wave.open(str(path), "rb") as sound:
            parts.append(sound.readframes(sound.getnframes()))
    return b"".join(parts)


async def listening(seconds: float) -> dict[str, float]:
    """Return memory and CPU share of a speaker agent in silence and in speech, `seconds` of each in real time."""
    with tempfile.TemporaryDirectory() as name, preferred() as broker:
        folder = Path(name)
        fleet = Fleet(folder / "fleet", broker)
        await fleet.publish_sample("puddle-boots")
        device = make_device("speaker", folder, broker_port=broker.port, root_json=fleet.root_json, listens=True)
        async with running(device):
            await shelved(device)
            await agree(device)
            assert device._process is not None
            process = psutil.Process(device._process.pid)
            figures: dict[str, float] = {}
            sounds = speech()
            for what, sound in (("silence", bytes(len(sounds))), ("speech", sounds)):
                wanted = int(seconds * RATE) * 2
                audio = (sound * (wanted // len(sound) + 1))[:wanted]
                before = sum(process.cpu_times()[:2])
                began = time.perf_counter()
                await play(device.runtime / "microphone", audio)
                figures[f"cpu_{what}"] = (sum(process.cpu_times()[:2]) - before) / (time.perf_counter() - began)
                figures[f"memory_{what}_mib"] = resident_mib(process.pid)
            return figures


async def play(pipe: Path, audio: bytes) -> None:
    """Feed a pipe in real time, a tenth of a second at a time."""
    block = RATE // 10 * 2
    descriptor = await asyncio.to_thread(os.open, pipe, os.O_WRONLY)
    try:
        began = time.perf_counter()
        for number, start in enumerate(range(0, len(audio), block)):
            await asyncio.to_thread(os.write, descriptor, audio[start : start + block])
            await asyncio.sleep(max(0.0, (number + 1) / 10 - (time.perf_counter() - began)))
    finally:
        os.close(descriptor)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20, help="of silence and of speech")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    pairs = [(ready_s(), bare_s()) for _ in range(options.rounds)]
    figures: dict[str, float] = {
        "ready_s": statistics.median(ready for ready, _ in pairs),
        "bare_imports_s": statistics.median(bare for _, bare in pairs),
        "ready_over_bare": statistics.median(ready / bare for ready, bare in pairs),
        "bare_model_mib": bare_model_mib(),
        **asyncio.run(listening(options.seconds)),
    }
    if options.json:
        print(json.dumps(figures))
        return
    load = os.getloadavg()[0]
    print(f"one speaker agent, Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {load:.1f}")
    print(f"  exec to ready                {figures['ready_s']:8.2f} s   (median of {options.rounds})")
    print(
        f"  bare imports                 {figures['bare_imports_s']:8.2f} s   ratio {figures['ready_over_bare']:.2f}"
    )
    print(f"  resident, in silence         {figures['memory_silence_mib']:8.1f} MiB (aim: at most 120)")
    print(f"  resident, in speech          {figures['memory_speech_mib']:8.1f} MiB")
    print(f"  bare model and recogniser    {figures['bare_model_mib']:8.1f} MiB")
    print(f"  one core, in silence         {100 * figures['cpu_silence']:8.2f} %")
    print(f"  one core, in speech          {100 * figures['cpu_speech']:8.2f} %")


if __name__ == "__main__":
    main()
