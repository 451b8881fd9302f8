import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.model.errors import MicrophoneError, SettingsError, VoiceError
from edge_agent.voice.libvosk import RATE
from edge_agent.voice.sources import SILENCE, MicrophoneSource, PipeSource, WavSource, source_from
from edge_agent.voice.wav import read_wav


@pytest.mark.parametrize(
    ("text", "kind"),
    [("mic", MicrophoneSource), ("mic:USB", MicrophoneSource), ("wav:/a:b.wav", WavSource), ("pipe:x", PipeSource)],
)
def test_a_setting_names_a_source(text: str, kind: type) -> None:
    assert isinstance(source_from(text), kind)


def test_off_is_no_source() -> None:
    assert source_from("off") is None


@pytest.mark.parametrize("text", ["", "on", "wav", "wav:", "pipe:", "off:now", "http://x"])
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


def test_writers_come_and_go_and_leave_silence(tmp_path: Path) -> None:
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


def test_a_microphone_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
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
    recorded = [number.to_bytes(2, "little") * 10 for number in range(MicrophoneSource.WAITING_BLOCKS + 5)]
    with caplog.at_level(logging.DEBUG):
        for block in recorded:
            microphone._take(block, 10, None, None)
        taken = [microphone.read() for _ in range(MicrophoneSource.WAITING_BLOCKS)]
    assert taken == recorded[5:]
    assert [record.getMessage() for record in caplog.records] == [
        "The recogniser is too slow: the oldest audio is being dropped.",
        "Heard again after dropping 0.2 s of audio: too busy.",
    ]


def test_the_ear_needs_neither_sounddevice_nor_vosks_own_package() -> None:
    check = "import sys, edge_agent.voice.ear; print(sorted({'vosk', 'sounddevice', 'requests'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
