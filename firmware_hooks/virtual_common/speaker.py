"""A virtual speaker: `$EDGE_AGENT_RUNTIME/speaker/now.json` is what it is saying, `last.wav` what was really heard.

Sound goes out in real time, a tenth of a second at a time, into a WAV that is whole after every step; closing cuts
it there. A mention without an asset is spoken by the device itself: the stand-in has no voice, so it plays silence
for as long as the words would take.
"""

import os
import shutil
import time
import wave
from pathlib import Path

import note
from hook_io import Closed, HookIo, Quartiles
from power import is_on

_STEP_S = 0.1
_TOLERANCE_S = 0.5
_SILENCE = (1, 2, 16000)


def say() -> None:
    """Play the request's asset for as long as it sounds."""
    io = HookIo()
    if not is_on(io.runtime):
        io.fail("the device is off")
    speaker = io.runtime / "speaker"
    speaker.mkdir(exist_ok=True)
    heard = speaker / f".playing-{os.getpid()}.wav"
    asset = io.request.get("asset")
    try:
        source = _open(asset, float(io.request["creative"]["dur"]))
    except (OSError, EOFError, wave.Error, RuntimeError) as error:
        io.fail(f"the asset is not a WAV that can be played: {error}")
    if source.seconds > float(io.request["slot"]["max_dur"]) + _TOLERANCE_S:
        io.fail(f"the asset lasts {source.seconds:.1f} s, longer than its slot")
    io.say("loaded")
    try:
        io.wait_until(0)
        note.put(speaker, io, None if asset is None else Path(asset), source.seconds)
        _play(io, source, heard)
        ending = "complete"
    except Closed:
        ending = "close"
    if heard.exists():
        heard.replace(speaker / "last.wav")
    note.clear(speaker)
    io.say(ending)


def cue() -> None:
    """Play a short sound of the device's own; `cue.wav` is what was heard last. It disturbs nothing that is said."""
    io = HookIo()
    if not is_on(io.runtime):
        io.fail("the device is off")
    speaker = io.runtime / "speaker"
    speaker.mkdir(exist_ok=True)
    heard = speaker / f".cue-{os.getpid()}.wav"
    try:
        source = _open(io.request["asset"], 0.0)
        shutil.copyfile(io.request["asset"], heard)
        io.wait_until(time.monotonic() + source.seconds)
    except (OSError, EOFError, wave.Error, RuntimeError) as error:
        io.fail(f"the cue is not a WAV that can be played: {error}")
    except Closed:
        heard.unlink(missing_ok=True)
        io.fail("it was cut off")
    heard.replace(speaker / "cue.wav")
    io.say("complete")


class _Sound:
    """PCM that can be read a piece at a time."""

    def __init__(self, channels: int, width: int, rate: int, frames: int, reader: wave.Wave_read | None) -> None:
        self.channels, self.width, self.rate, self.frames = channels, width, rate, frames
        self._reader = reader

    @property
    def seconds(self) -> float:
        return self.frames / self.rate

    def read(self, frames: int) -> bytes:
        if self._reader is not None:
            return self._reader.readframes(frames)
        return bytes(frames * self.channels * self.width)


def _open(asset: str | None, dur_s: float) -> _Sound:
    if asset is None:
        channels, width, rate = _SILENCE
        return _Sound(channels, width, rate, int(dur_s * rate), None)
    reader = wave.open(asset, "rb")  # noqa: SIM115 - read until the process ends
    return _Sound(reader.getnchannels(), reader.getsampwidth(), reader.getframerate(), reader.getnframes(), reader)


def _play(io: HookIo, source: _Sound, heard: Path) -> None:
    quartiles = Quartiles(io)
    step = max(1, int(source.rate * _STEP_S))
    with wave.open(str(heard), "wb") as out:
        out.setnchannels(source.channels)
        out.setsampwidth(source.width)
        out.setframerate(source.rate)
        began = time.monotonic()
        io.say("impression")
        played = 0
        while played < source.frames:
            frames = min(step, source.frames - played)
            io.wait_until(began + (played + frames) / source.rate)
            out.writeframes(source.read(frames))
            played += frames
            quartiles.reached(played / source.frames)
            if not is_on(io.runtime):
                raise Closed
