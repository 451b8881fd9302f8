import logging
import os
import select
import subprocess
import sys
import threading
from array import array
from pathlib import Path

import pytest

from edge_agent.model.errors import MicrophoneError, SettingsError, VoiceError
from edge_agent.voice import source_pulse
from edge_agent.voice.backlog import KEPT_S, Backlog
from edge_agent.voice.libvosk import RATE
from edge_agent.voice.source_microphone import MicrophoneSource
from edge_agent.voice.source_raw import PipeSource, StdinSource
from edge_agent.voice.source_wav import WavSource
from edge_agent.voice.sources import SILENCE, RawFormat, source_from
from edge_agent.voice.wav import read_wav

DROPPED = [
    "Audio comes faster than it is recognised: the oldest is being dropped.",
    "Heard again after dropping 1.2 s of audio: the processor was too busy.",
]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("mic", MicrophoneSource),
        ("mic:USB", MicrophoneSource),
        ("wav:/a:b.wav", WavSource),
        ("pipe:x", PipeSource),
        ("pipe@48000x2:/a:b", PipeSource),
        ("stdin", StdinSource),
        ("-", StdinSource),
        ("stdin@44100", StdinSource),
    ],
)
def test_a_setting_names_a_source(text: str, kind: type) -> None:
    assert isinstance(source_from(text), kind)


def test_off_is_no_source() -> None:
    assert source_from("off") is None


@pytest.mark.parametrize(
    "text",
    ["", "on", "wav", "wav:", "pipe:", "off:now", "http://x", "off@48000", "mic@48000", "pipe@fast:/a", "stdin:x"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="no audio source"):
        source_from(text)


def test_a_pipe_is_made_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "ear"
    source = PipeSource(path)
    source.open()
    source.close()
    source.close()
    assert path.is_fifo()
    assert path.stat().st_mode & 0o777 == 0o600


def test_writers_come_and_go_and_leave_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PipeSource, "LATE_S", 0.0)
    path = tmp_path / "ear"
    source = PipeSource(path)
    source.open()
    assert source.read() == b""
    for sound in (b"\x01\x02" * 100, b"\x03\x04" * 100):
        path.write_bytes(sound)
        assert source.read() == sound
        assert source.read() == SILENCE
    silent_s = 0.1
    while source.read():
        silent_s += 0.1
    assert silent_s == pytest.approx(PipeSource.HUSH_S, abs=0.11)
    assert not source.is_over
    source.close()


def test_between_the_pieces_of_one_writer_there_is_no_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sox writes a quarter of a second at a time: each was followed by silence that nobody wrote."""
    monkeypatch.setattr(PipeSource, "LATE_S", 3600.0)
    source = PipeSource(tmp_path / "ear")
    source.open()
    with (tmp_path / "ear").open("wb", buffering=0) as writer:
        for sound in (b"\x01\x02" * 800, b"\x03\x04" * 800):
            writer.write(sound)
            assert source.read() == sound
            assert source.read() == b""
    source.close()


def test_half_a_sample_waits_for_its_other_half(tmp_path: Path) -> None:
    source = PipeSource(tmp_path / "ear")
    source.open()
    writer = os.open(tmp_path / "ear", os.O_WRONLY)
    os.write(writer, b"\x01\x02\x03")
    assert source.read() == b"\x01\x02"
    os.write(writer, b"\x04\x05\x06")
    assert source.read() == b"\x03\x04\x05\x06"
    os.close(writer)
    source.close()


def test_half_a_sample_that_a_writer_left_behind_shifts_no_other_ones_audio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PipeSource, "HUSH_S", 0.1)
    monkeypatch.setattr(PipeSource, "LATE_S", 0.0)
    source = PipeSource(tmp_path / "ear")
    source.open()
    (tmp_path / "ear").write_bytes(b"test\n")
    while source.read():
        pass
    (tmp_path / "ear").write_bytes(b"\x01\x02" * 100)
    assert source.read() == b"\x01\x02" * 100
    source.close()


def test_audio_is_dropped_by_whole_samples_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr("edge_agent.voice.source_raw.time.monotonic", lambda: now_s)
    source = PipeSource(tmp_path / "ear")
    source.open()
    with (tmp_path / "ear").open("wb", buffering=0) as writer:
        writer.write(b"\x01\x02" * 800)
        assert source.read() == b"\x01\x02" * 800
        now_s += KEPT_S + 1
        writer.write(b"\x01\x02" * round((KEPT_S + 1) * RATE) + b"\x01")
        assert source.read() == b"\x01\x02" * 800
    source.close()


def test_a_pipe_that_is_removed_or_replaced_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "ear"
    source = PipeSource(path)
    source.open()
    path.unlink()
    with pytest.raises(MicrophoneError, match="removed"):
        source.read()
    os.mkfifo(path)
    with pytest.raises(MicrophoneError, match="replaced"):
        source.read()
    source.close()


@pytest.mark.parametrize("seconds", [0, KEPT_S + 2], ids=["a block", "more than is kept"])
def test_what_somebody_else_reads_from_the_pipe_meanwhile_is_no_audio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    now_s = 1000.0
    monkeypatch.setattr("edge_agent.voice.source_raw.time.monotonic", lambda: now_s)
    path = tmp_path / "ear"
    source = PipeSource(path)
    source.open()
    other = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    path.write_bytes(b"\1\2" * 800)
    assert source.read() == b"\1\2" * 800
    now_s += seconds
    path.write_bytes(b"\3\4" * round(800 + seconds * RATE))
    read = os.read

    def too_late(descriptor: int, length: int) -> bytes:
        """Read when the other has read everything that select and FIONREAD have just seen."""
        while select.select([other], [], [], 0)[0]:
            read(other, 2**20)
        return read(descriptor, length)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("edge_agent.voice.source_raw.os.read", too_late)
        assert source.read() == b""
        path.write_bytes(b"\5\6" * 800)
        source.open()
    path.write_bytes(b"\7\0" * 800)
    assert source.read() == b"\7\0" * 800
    source.close()
    os.close(other)


def test_an_input_that_cannot_be_read_is_lost(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    source = StdinSource(descriptor=descriptor)
    source.open()
    with pytest.raises(MicrophoneError, match="Is a directory"):
        source.read()
    os.close(descriptor)


def test_a_pipe_that_is_a_file_or_cannot_be_made_is_lost(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MicrophoneError, match="not a FIFO"):
        PipeSource(tmp_path / "file").open()
    with pytest.raises(MicrophoneError, match="No such file"):
        PipeSource(tmp_path / "missing" / "ear").open()


def test_a_file_is_played_whole_with_silence_after_it_and_then_over(speech: Path) -> None:
    path = speech / "stop-slt.wav"
    source = WavSource(path)
    source.open()
    played = b""
    while not source.is_over:
        played += source.read()
    assert played == read_wav(path) + bytes(2 * RATE)


def test_a_microphone_without_a_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_pulse, "_library", lambda: None)
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(VoiceError) as caught:
        MicrophoneSource().open()
    assert "edge-agent[mic]" in caught.value.for_person()
    assert not isinstance(caught.value, MicrophoneError)


def test_a_microphone_that_is_not_there_is_lost_each_time_and_may_come_back() -> None:
    try:
        import sounddevice  # noqa: F401, PLC0415  the extra may be missing, or PortAudio
    except (ImportError, OSError) as error:
        pytest.skip(f"sounddevice cannot be loaded: {error}")
    microphone = MicrophoneSource("a microphone that nobody has")
    for _ in range(3):
        with pytest.raises(MicrophoneError) as caught:
            microphone.open()
        assert "a microphone that nobody has" in str(caught.value)
        microphone.close()


def test_a_microphone_that_nobody_takes_from_drops_its_oldest_audio_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    microphone = MicrophoneSource()
    kept = round(KEPT_S * RATE) * 2 // 1600
    recorded = [number.to_bytes(2, "little") * 800 for number in range(kept + 25)]
    with caplog.at_level(logging.DEBUG):
        for block in recorded:
            microphone._backlog.add(block)
        taken = [microphone.read() for _ in range(kept)]
    assert taken == recorded[25:]
    assert microphone.dropped_s == 25 / 20
    assert [record.getMessage() for record in caplog.records] == DROPPED


def test_a_pipe_whose_writer_is_live_drops_its_oldest_audio_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now_s = 1000.0
    monkeypatch.setattr("edge_agent.voice.source_raw.time.monotonic", lambda: now_s)
    monkeypatch.setattr(PipeSource, "LATE_S", 0.0)
    source = PipeSource(tmp_path / "ear")
    source.open()
    recorded = [number.to_bytes(2, "little") * 800 for number in range(round((KEPT_S + 2.25) * 20))]
    with (tmp_path / "ear").open("wb", buffering=0) as writer:
        writer.write(recorded[0])
        assert source.read() == recorded[0]
        now_s += 20 / 20
        for block in recorded[1:21]:
            writer.write(block)
        assert source.read() == recorded[1]
        now_s += KEPT_S + 1.25  # the reader was busy for so long
        for block in recorded[21:]:
            writer.write(block)
        with caplog.at_level(logging.DEBUG):
            taken = [source.read() for _ in range(round(KEPT_S * 20))]
            assert source.read() == SILENCE
    assert taken == recorded[-len(taken) :]
    dropped_s = (len(recorded) - 2 - len(taken)) / 20
    assert source.dropped_s == pytest.approx(dropped_s)
    assert [record.getMessage() for record in caplog.records] == [
        DROPPED[0],
        DROPPED[1].replace("1.2", f"{dropped_s:.1f}"),
    ]
    source.close()


def test_a_live_writer_that_is_faster_than_the_clock_is_live_after_days_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr("edge_agent.voice.source_raw.time.monotonic", lambda: now_s)
    source = PipeSource(tmp_path / "ear")
    source.open()
    with (tmp_path / "ear").open("wb", buffering=0) as writer:
        for _ in range(400):  # two seconds ahead of the clock in the end
            writer.write(bytes(1600))
            assert source.read() == bytes(1600)
            now_s += 0.045
        now_s += KEPT_S + 1
        recorded = [number.to_bytes(2, "little") * 800 for number in range(round((KEPT_S + 1) * 20))]
        writer.write(b"".join(recorded))
        assert source.read() == recorded[20]
    source.close()


def test_what_is_written_ahead_of_time_is_no_microphone_and_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = PipeSource(tmp_path / "ear")
    source.open()
    recorded = os.urandom(1600 * 20 * 20)
    with (tmp_path / "ear").open("wb", buffering=0) as writer:
        assert writer.write(recorded) == len(recorded)
        assert b"".join(source.read() for _ in range(400)) == recorded
    assert caplog.records == []
    source.close()


def test_who_is_in_no_hurry_gets_more_at_once_from_a_pipe(tmp_path: Path) -> None:
    source = PipeSource(tmp_path / "ear")
    source.open()
    recorded = os.urandom(1600 * 12)
    with (tmp_path / "ear").open("wb", buffering=0) as writer:
        writer.write(recorded)
        assert [source.read(0.2), source.read(), source.read(0.35)] == [
            recorded[:6400],
            recorded[6400:8000],
            recorded[8000:],
        ]
    source.close()


def test_who_is_in_no_hurry_is_woken_once_for_many_pieces() -> None:
    backlog = Backlog()
    recorded = [bytes([number]) * 1600 for number in range(6)]
    backlog.add(recorded[0])
    assert backlog.take(0.0, 0.2) == recorded[0]
    taken: list[bytes] = []
    reader = threading.Thread(target=lambda: taken.append(backlog.take(60.0, 0.2)))
    reader.start()
    for piece in recorded[1:]:
        backlog.add(piece)
    reader.join()
    assert taken == [b"".join(recorded[1:5])]
    assert backlog.take(0.0) == recorded[5]


def test_a_pipe_of_another_format_is_converted(tmp_path: Path) -> None:
    source = PipeSource(tmp_path / "ear", RawFormat.parse("48000x2"))
    source.open()
    frames = array("h", [5000, 1000] * 48_000).tobytes()
    with (tmp_path / "ear").open("wb", buffering=0) as writer:
        writer.write(frames)
        heard = b"".join(source.read() for _ in range(20))
    assert len(heard) == pytest.approx(2 * RATE, abs=200)
    assert set(array("h", heard)[RATE // 4 : -RATE // 4]) <= set(range(2990, 3010))
    source.close()


def test_what_was_written_while_a_pipe_was_closed_is_never_read(tmp_path: Path) -> None:
    source = PipeSource(tmp_path / "ear")
    source.open()
    with (tmp_path / "ear").open("r+b", buffering=0) as writer:  # one that does not mind that nobody listens
        writer.write(b"\1\2" * 800)
        source.close()
        writer.write(b"\3\4" * 800)
        source.open()
        assert source.read() == b""
        writer.write(b"\5\6" * 800)
        assert source.read() == b"\5\6" * 800
    source.close()


def test_standard_input_is_read_to_its_end_with_silence_after_it() -> None:
    reading, writing = os.pipe()
    source = StdinSource(descriptor=reading)
    os.write(writing, b"\1\2" * 2000 + b"\3")
    source.open()
    os.close(writing)
    played = b""
    while not source.is_over:
        played += source.read()
    assert played == b"\1\2" * 2000 + bytes(2 * RATE)
    os.close(reading)


def test_what_came_while_standard_input_was_muted_is_never_read() -> None:
    reading, writing = os.pipe()
    source = StdinSource(descriptor=reading)
    source.open()
    os.write(writing, b"\1\2" * 800)
    assert source.read() == b"\1\2" * 800
    source.close()
    with pytest.raises(MicrophoneError, match="not open"):
        source.read()
    os.write(writing, b"\3\4" * 800)
    source.open()
    os.write(writing, b"\5\6" * 800)
    assert source.read() == b"\5\6" * 800
    os.close(reading)
    os.close(writing)


def test_half_a_sample_that_came_while_standard_input_was_muted_shifts_nothing() -> None:
    reading, writing = os.pipe()
    source = StdinSource(descriptor=reading)
    source.open()
    source.close()
    os.write(writing, b"\3\4" * 800 + b"\5")
    source.open()
    os.write(writing, b"\6" + b"\5\6" * 799)
    assert source.read() == b"\5\6" * 800
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize(
    ("module", "needless"),
    [("ear", {"vosk", "sounddevice", "requests"}), ("gated", {"pydantic", "asyncio"})],
    ids=["the ear", "decoding"],
)
def test_listening_takes_no_more_memory_than_it_must(module: str, needless: set[str]) -> None:
    check = f"import sys, edge_agent.voice.{module}; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert not needless & set(found.stdout.split())
