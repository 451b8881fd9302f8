"""A real agent hears real speech; nothing that it wrote, holds open or sent has any of the sound in it.

Looked at are every file of its folders and of TMPDIR, whatever it has open (/proc), and every byte to and from the
broker, which it reaches through a proxy of the test. What was encoded would not be recognised, but it would take
space: so what grew while it listened must be much less than the smallest that speech can be made.
"""

import stat
from array import array
from contextlib import suppress
from pathlib import Path

import pytest

from edge_agent.voice.wav import read_wav
from tests.brokers import RunningBroker
from tests.e2e.homes import Fleet, make_device, running
from tests.proxies import Proxy

SPEECH = Path(__file__).parents[1] / "speech"
LOUD = 3000
NEEDLE_BYTES = 32
SMALLEST_BYTES_A_SECOND = 300
"""A third of the least that codecs for speech make of it (codec2, 700 bit/s, makes babble)."""

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="there is no /proc here"),
]


def needles(*recordings: Path) -> list[bytes]:
    """Pieces of loud sound, so that no silence is found where there is none."""
    found = []
    for path in recordings:
        pcm = read_wav(path)
        for start in range(0, len(pcm) - NEEDLE_BYTES, NEEDLE_BYTES * 20):
            piece = pcm[start : start + NEEDLE_BYTES]
            if max(map(abs, array("h", piece))) > LOUD:
                found.append(piece)
    return found


def written(*folders: Path) -> dict[Path, bytes]:
    """Every regular file below these folders."""
    files = [path for folder in folders for path in folder.rglob("*") if stat.S_ISREG(path.lstat().st_mode)]
    return {path: path.read_bytes() for path in files}


def held_open(pid: int) -> dict[str, bytes]:
    """What the process has open and could be read again: files, deleted ones and those of memory among them."""
    held = {}
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            if stat.S_ISREG(link.stat().st_mode):
                held[str(link.readlink())] = link.read_bytes()
    return held


async def test_no_sound_is_written_held_or_sent(
    tmp_path: Path, own_broker: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    fleet = Fleet(tmp_path / "fleet", own_broker)
    talk = [SPEECH / f"running-speech-{voice}.wav" for voice in ("rms", "slt", "awb")]
    wake = SPEECH / "hey-kitchen-rms.wav"
    async with Proxy(own_broker) as wire:
        wire.kept = bytearray()
        device = make_device("speaker", tmp_path, broker_port=wire.port, root_json=fleet.root_json, listens=True)
        config = device.config.read_text("utf-8").replace("[voice]\n", '[voice]\nwake_phrases = ["hey kitchen"]\n')
        device.config.write_text(config, "utf-8")
        async with running(device):
            assert device._process is not None
            mark = device.mark
            await device.speak(wake)
            await device.expect("it is heard", lambda m: m["type"] == "heard", mark)
            before_bytes = len(wire.kept) + sum(map(len, written(device.folder, temporary).values()))
            for recording in talk:
                await device.speak(recording)
            grown_bytes = len(wire.kept) + sum(map(len, written(device.folder, temporary).values())) - before_bytes
            mark = device.mark
            await device.speak(wake)
            await device.expect("it is heard", lambda m: m["type"] == "heard", mark)
            held = held_open(device._process.pid)
            files = written(device.folder, temporary)
    sounds = needles(wake, *talk)
    assert len(sounds) > 100
    for where, content in [*held.items(), *files.items(), ("the wire", bytes(wire.kept))]:
        assert not any(sound in content for sound in sounds), where
    assert not list(temporary.iterdir())
    assert all("/dev/snd" not in name for name in held)
    assert grown_bytes < SMALLEST_BYTES_A_SECOND * sum(len(read_wav(path)) for path in talk) / 32_000
