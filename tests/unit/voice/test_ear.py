"""The whole ear on a real FIFO with the real model: what a device's owner would notice."""

import asyncio
import logging
import os
import random
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.model.device import Microphone
from edge_agent.model.errors import MicrophoneError, VoiceError
from edge_agent.model.events import Event, MicrophoneChanged, PhraseHeard
from edge_agent.settings.rooms import VoiceSettings
from edge_agent.voice.ear import Ear
from edge_agent.voice.models import Model, check_model, packaged_models
from edge_agent.voice.recogniser import Recogniser, Wishes
from edge_agent.voice.source_wav import WavSource
from edge_agent.voice.wav import read_wav

LISTENING = MicrophoneChanged(Microphone.LISTENING)
MUTED = MicrophoneChanged(Microphone.MUTED)
LOST = MicrophoneChanged(Microphone.LOST)
OFF = MicrophoneChanged(Microphone.OFF)


class Room:
    """An ear with a FIFO for its microphone, and everything that it emitted, in order."""

    def __init__(self, tmp_path: Path, model: Path | None, phrases: tuple[str, ...], source: str = "") -> None:
        self.path = tmp_path / "microphone"
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        settings = VoiceSettings(source=source or f"pipe:{self.path}", model=model)
        self.ear = Ear(settings, self.events.put_nowait, phrases=phrases, retry_min=timedelta(milliseconds=20))

    async def say(self, path: Path) -> None:
        """Play a file into the microphone."""
        pcm = read_wav(path)
        await asyncio.to_thread(self.path.write_bytes, pcm)

    async def next(self) -> Event:
        return await asyncio.wait_for(self.events.get(), 20)

    async def next_phrase(self) -> str:
        event = await self.next()
        assert isinstance(event, PhraseHeard)
        return event.phrase


@asynccontextmanager
async def listening(room: Room) -> AsyncIterator[Room]:
    running = asyncio.create_task(room.ear.run())
    try:
        yield room
    finally:
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled() or running.exception() is None


@pytest.fixture
def room(tmp_path: Path, model: Model) -> Callable[..., Room]:
    def make(*phrases: str, source: str = "", use: Path | None = None) -> Room:
        return Room(tmp_path, use or model.directory, phrases, source)

    return make


async def test_it_hears_again_and_again(room: Callable[..., Room], speech: Path) -> None:
    async with listening(room("hey kitchen", "stop")) as home:
        assert await home.next() == LISTENING
        for _ in range(3):
            await home.say(speech / "hey-kitchen-rms.wav")
            assert await home.next_phrase() == "hey kitchen"
        await home.say(speech / "stop-slt.wav")
        assert await home.next_phrase() == "stop"
    assert await home.next() == OFF
    assert home.events.empty()


async def test_who_hears_a_phrase_knows_how_long_ago_it_began(room: Callable[..., Room], speech: Path) -> None:
    async with listening(room("hey kitchen")) as home:
        assert await home.next() == LISTENING
        await home.say(speech / "hey-kitchen-rms.wav")
        heard = await home.next()
        assert isinstance(heard, PhraseHeard)
        assert heard.began_ago >= timedelta(seconds=heard.end_s - heard.start_s)


@pytest.mark.parametrize(
    ("lang", "words", "recording", "phrase", "alike"),
    [
        ("zh", ("停止", "不感兴趣"), "zh/stop-f2", "停止", ("挺直", "听之")),
        ("en", ("stop", "no thanks"), "stop-slt", "stop", ("know thanks", "stock", "stopped")),
    ],
)
def test_what_sounds_like_a_word_of_the_residents_makes_it_no_less_sure(
    speech: Path,
    caplog: pytest.LogCaptureFixture,
    lang: str,
    words: tuple[str, ...],
    recording: str,
    phrase: str,
    alike: tuple[str, ...],
) -> None:
    """An advertiser could write its answers so that the resident is not heard: beside "stock" this "stop" is not."""
    model = check_model(packaged_models()[lang])
    said = read_wav(speech / f"{recording}.wav") + bytes(64_000)

    def heard(*others: str) -> list[PhraseHeard]:
        wishes, found = Wishes((*others, *words, "tell me more")), []

        def report(event: Event, _mutes: int) -> None:
            if isinstance(event, PhraseHeard):
                found.append(replace(event, began_ago=timedelta()))

        soon = timedelta(milliseconds=1)
        tape = Tape(said, wishes, 1600, mute_at=-1)
        Recogniser(tape, model, wishes, report, sensitivity=0.5, retry_min=soon, retry_max=soon).run()
        return found

    alone = heard()
    assert [event.phrase for event in alone] == [phrase]
    assert caplog.records == []
    assert heard(*alike) == alone
    assert [f'"{each}" sounds like' in caplog.text for each in alike] == [True] * len(alike)


async def test_unmuting_always_hears_again(room: Callable[..., Room], speech: Path) -> None:
    async with listening(room("stop")) as home:
        assert await home.next() == LISTENING
        for _ in range(3):
            home.ear.mute(on=True)
            assert await home.next() == MUTED
            home.ear.mute(on=False)
            assert await home.next() == LISTENING
            await home.say(speech / "stop-rms.wav")
            assert await home.next_phrase() == "stop"


async def test_after_hundreds_of_mutes_at_any_moment_it_hears(room: Callable[..., Room], speech: Path) -> None:
    draw = random.Random(4)
    async with listening(room("stop")) as home:
        assert await home.next() == LISTENING
        for _ in range(300):
            home.ear.mute(on=True)
            if draw.random() < 0.3:  # the thread notices some of them and some not
                await asyncio.sleep(draw.random() / 100)
            home.ear.mute(on=False)
        home.ear.mute(on=True)
        while await home.next() != MUTED or not home.events.empty():
            pass
        home.ear.mute(on=False)
        assert await home.next() == LISTENING
        await home.say(speech / "stop-rms.wav")
        assert await home.next_phrase() == "stop"


async def test_a_phrase_that_a_mute_cut_in_two_is_not_heard_and_the_next_one_is(
    room: Callable[..., Room], speech: Path
) -> None:
    pcm = read_wav(speech / "hey-kitchen-rms.wav")
    async with listening(room("hey kitchen")) as home:
        assert await home.next() == LISTENING
        await asyncio.to_thread(home.path.write_bytes, pcm[: len(pcm) // 4 * 2])
        home.ear.mute(on=True)
        assert await home.next() == MUTED
        home.ear.mute(on=False)
        assert await home.next() == LISTENING
        await asyncio.to_thread(home.path.write_bytes, pcm[len(pcm) // 4 * 2 :])
        await home.say(speech / "hey-kitchen-awb.wav")
        assert await home.next_phrase() == "hey kitchen"
        assert home.events.empty()


class Tape:
    """A microphone whose audio does not wait for its time; before the piece `mute_at` it is muted and unmuted."""

    def __init__(self, pcm: bytes, wishes: Wishes, piece_bytes: int, mute_at: int) -> None:
        self._pieces = [pcm[at : at + piece_bytes] for at in range(0, len(pcm), piece_bytes)]
        self._wishes = wishes
        self._mute_at = mute_at
        self._at = self.opened = 0

    @property
    def is_over(self) -> bool:
        return self._at == len(self._pieces)

    @property
    def dropped_s(self) -> float:
        return 0.0

    def open(self) -> None:
        self.opened += 1

    def read(self, gather_s: float = 0.0) -> bytes:  # noqa: ARG002  everything is here already
        if self._at == self._mute_at:
            self._wishes.mute(on=True)
            self._wishes.mute(on=False)
        self._at += 1
        return self._pieces[self._at - 1]

    def close(self) -> None: ...


def heard_from(tape: Tape, wishes: Wishes, model: Model, told: Callable[[str], None] = lambda _: None) -> list[str]:
    phrases: list[str] = []

    def report(event: Event, _mutes: int) -> None:
        if isinstance(event, PhraseHeard):
            phrases.append(event.phrase)
            told(event.phrase)

    soon = timedelta(milliseconds=1)
    Recogniser(tape, model, wishes, report, sensitivity=0.5, retry_min=soon, retry_max=soon).run()
    return phrases


def test_a_mute_that_is_over_before_the_thread_looks_closes_the_source_and_forgets(
    model: Model, speech: Path
) -> None:
    pcm = read_wav(speech / "hey-kitchen-rms.wav")
    quiet, later = bytes(2 * 16_000), read_wav(speech / "hey-kitchen-awb.wav")
    pieces = (len(quiet) + len(pcm)) // 1600  # all of the phrase, and nothing after it

    def heard(mute_at: int) -> tuple[list[str], int]:
        wishes = Wishes(("hey kitchen",))
        tape = Tape(quiet + pcm + quiet + quiet + later + quiet + quiet, wishes, 1600, mute_at)
        return heard_from(tape, wishes, model), tape.opened

    assert heard(-1) == (["hey kitchen", "hey kitchen"], 1)
    for mute_at in (pieces * 2 // 3, pieces * 4 // 5):
        assert heard(mute_at) == (["hey kitchen"], 2), "what was said when it was muted"


def test_what_is_decoded_when_it_is_muted_is_not_told(model: Model, speech: Path) -> None:
    pcm = bytes(2 * 16_000) + read_wav(speech / "wake-and-command.wav") + bytes(4 * 16_000)
    for mutes, expected in ((False, ["hey kitchen", "tell me more"]), (True, ["hey kitchen"])):
        wishes = Wishes(("hey kitchen", "tell me more"))

        def told(_: str, wishes: Wishes = wishes, mutes: bool = mutes) -> None:
            wishes.mute(mutes)
            wishes.mute(on=False)

        tape = Tape(pcm, wishes, len(pcm), -1)  # both phrases are decoded in one piece
        assert heard_from(tape, wishes, model, told) == expected


async def test_a_phrase_that_waits_for_its_turn_on_the_loop_when_it_is_muted_is_not_told(
    room: Callable[..., Room], speech: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, waits = asyncio.get_running_loop(), threading.Event()
    hand_over = loop.call_soon_threadsafe

    def noticed(callback: Callable[..., object], *what: object) -> asyncio.Handle:
        handle = hand_over(callback, *what)
        if any(isinstance(each, PhraseHeard) for each in what):
            waits.set()
        return handle

    async with listening(room("stop")) as home:
        assert await home.next() == LISTENING
        monkeypatch.setattr(loop, "call_soon_threadsafe", noticed)
        home.path.write_bytes(read_wav(speech / "stop-rms.wav"))
        assert waits.wait(20), "the loop's own thread waits here: it takes nothing meanwhile"
        home.ear.mute(on=True)
        home.ear.mute(on=False)
        home.ear.mute(on=True)
        assert await home.next() == MUTED
        home.ear.mute(on=False)
        assert await home.next() == LISTENING
        await home.say(speech / "stop-slt.wav")
        assert await home.next_phrase() == "stop"


async def test_unmuted_while_the_microphone_is_gone_it_hears_when_it_is_back(
    room: Callable[..., Room], speech: Path
) -> None:
    home = room("stop")
    home.path.mkdir()
    async with listening(home):
        assert await home.next() == LOST
        home.ear.mute(on=True)
        assert await home.next() == MUTED
        home.ear.mute(on=False)
        assert await home.next() == LOST
        home.path.rmdir()
        assert await home.next() == LISTENING
        await home.say(speech / "stop-rms.wav")
        assert await home.next_phrase() == "stop"


async def test_a_command_in_the_same_breath_waits_for_whoever_is_slow_to_take_the_wake(
    room: Callable[..., Room], speech: Path
) -> None:
    home = room("hey kitchen")
    asked = home.events.put_nowait

    def answer(event: Event) -> None:
        asked(event)
        if isinstance(event, PhraseHeard) and event.phrase == "hey kitchen":
            home.ear.listen_for(("hey kitchen", "tell me more"))

    home.ear._emit = answer
    async with listening(home):
        assert await home.next() == LISTENING
        await home.say(speech / "wake-and-command.wav")
        assert await home.next_phrase() == "hey kitchen"
        assert await home.next_phrase() == "tell me more"


async def test_while_muted_the_source_is_closed(room: Callable[..., Room]) -> None:
    async with listening(room("stop")) as home:
        assert await home.next() == LISTENING
        home.ear.mute(on=True)
        assert await home.next() == MUTED
        with pytest.raises(OSError, match="No such device"):  # a FIFO that nobody reads (ENXIO)
            os.open(home.path, os.O_WRONLY | os.O_NONBLOCK)


async def test_a_writer_is_told_of_a_mute_and_the_one_that_comes_after_it_waits_until_it_is_over(
    room: Callable[..., Room], speech: Path
) -> None:
    async with listening(room("stop")) as home:
        assert await home.next() == LISTENING
        writer = os.open(home.path, os.O_WRONLY)
        home.ear.mute(on=True)
        assert await home.next() == MUTED
        with pytest.raises(BrokenPipeError):  # a program that does not ignore SIGPIPE ends here
            os.write(writer, bytes(3200))
        os.close(writer)
        started_again = asyncio.create_task(asyncio.to_thread(os.open, home.path, os.O_WRONLY))
        home.ear.mute(on=False)
        assert await home.next() == LISTENING
        writer = await asyncio.wait_for(started_again, 20)
        os.write(writer, read_wav(speech / "stop-rms.wav"))
        assert await home.next_phrase() == "stop"
        os.close(writer)


async def test_muted_before_the_start_it_never_opens_the_source(room: Callable[..., Room]) -> None:
    home = room("stop")
    home.ear.mute(on=True)
    async with listening(home):
        assert await home.next() == MUTED
        assert not home.path.exists()


async def test_with_nothing_to_listen_for_the_microphone_is_off(room: Callable[..., Room], speech: Path) -> None:
    async with listening(room()) as home:
        assert await home.next() == OFF
        assert not home.path.exists()
        home.ear.listen_for(("stop",))
        assert await home.next() == LISTENING
        await home.say(speech / "stop-rms.wav")
        assert await home.next_phrase() == "stop"
        home.ear.listen_for(())
        assert await home.next() == OFF


async def test_other_phrases_count_at_once(room: Callable[..., Room], speech: Path) -> None:
    async with listening(room("hey kitchen")) as home:
        assert await home.next() == LISTENING
        await home.say(speech / "stop-rms.wav")
        await home.say(speech / "hey-kitchen-awb.wav")
        assert await home.next_phrase() == "hey kitchen"
        home.ear.listen_for(("stop",))
        await home.say(speech / "hey-kitchen-awb.wav")
        await home.say(speech / "stop-rms.wav")
        assert await home.next_phrase() == "stop"


async def test_a_phrase_that_cannot_be_heard_is_named_once_and_the_others_are_heard(
    room: Callable[..., Room], speech: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(room("hey florble", "stop")) as home:
        assert await home.next() == LISTENING
        home.ear.listen_for(("hey florble", "stop", "hey kitchen"))
        await home.say(speech / "stop-rms.wav")
        assert await home.next_phrase() == "stop"
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert '"florble"' in errors[0]


async def test_a_microphone_that_disappears_is_lost_once_and_found_again(
    room: Callable[..., Room], speech: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(room("stop")) as home:
        assert await home.next() == LISTENING
        home.path.rename(home.path.with_suffix(".unplugged"))
        home.path.mkdir()
        assert await home.next() == LOST
        home.path.rmdir()
        assert await home.next() == LISTENING
        await home.say(speech / "stop-rms.wav")
        assert await home.next_phrase() == "stop"
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 2
    assert "lost" in warnings[0]
    assert "back" in warnings[1]


class OftenTried(WavSource):
    """A microphone that is there when it was tried in vain six times."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.tries = 0

    def open(self) -> None:
        self.tries += 1
        if self.tries <= 6:
            raise MicrophoneError("It is not plugged in.", "Plug it in.")
        super().open()


def test_a_microphone_that_is_tried_again_and_again_is_lost_only_once(
    model: Model, speech: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source, reported = OftenTried(speech / "stop-slt.wav"), list[Event]()
    soon = timedelta(milliseconds=1)
    wishes = Wishes(("stop",))

    def report(event: Event, _mutes: int) -> None:
        reported.append(event)

    Recogniser(source, model, wishes, report, sensitivity=0.5, retry_min=soon, retry_max=soon).run()
    assert source.tries == 7
    assert [each for each in reported if isinstance(each, MicrophoneChanged)] == [LOST, LISTENING, OFF]
    assert [each.phrase for each in reported if isinstance(each, PhraseHeard)] == ["stop"]
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 2


class SlowToOpen(WavSource):
    """A microphone that takes so long to open that somebody mutes it meanwhile."""

    def __init__(self, path: Path, wishes: Wishes) -> None:
        super().__init__(path)
        self._wishes = wishes
        self._opened = 0

    def open(self) -> None:
        super().open()
        self._opened += 1
        self._wishes.mute(on=self._opened == 1)


def test_a_microphone_that_was_muted_while_it_was_opened_is_never_said_to_listen(model: Model, speech: Path) -> None:
    reported: list[Event] = []
    wishes = Wishes(("stop",))

    def report(event: Event, _mutes: int) -> None:
        reported.append(event)
        if event == MUTED:
            wishes.mute(on=False)

    source, soon = SlowToOpen(speech / "stop-slt.wav", wishes), timedelta(milliseconds=1)
    Recogniser(source, model, wishes, report, sensitivity=0.5, retry_min=soon, retry_max=soon).run()
    assert [each for each in reported if isinstance(each, MicrophoneChanged)] == [MUTED, LISTENING, OFF]


async def test_a_lost_microphone_can_be_muted(room: Callable[..., Room]) -> None:
    home = room("stop")
    home.path.mkdir()
    async with listening(home):
        assert await home.next() == LOST
        home.ear.mute(on=True)
        assert await home.next() == MUTED


async def test_a_file_is_heard_and_then_the_ear_ends(room: Callable[..., Room], speech: Path) -> None:
    home = room("stop", source=f"wav:{speech / 'stop-slt.wav'}")
    await asyncio.wait_for(home.ear.run(), 20)
    assert await home.next() == LISTENING
    assert await home.next_phrase() == "stop"
    assert await home.next() == OFF


@pytest.mark.parametrize("source", ["off", "wav:/nowhere.wav", "nonsense"])
async def test_a_source_that_never_works_ends_the_ear_and_nothing_else(
    room: Callable[..., Room], source: str, caplog: pytest.LogCaptureFixture
) -> None:
    home = room("stop", source=source)
    await asyncio.wait_for(home.ear.run(), 20)
    assert home.events.get_nowait() == OFF
    assert len(caplog.records) == (0 if source == "off" else 1)


async def test_a_model_that_is_none_ends_the_ear_with_one_sentence(
    room: Callable[..., Room], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = room("stop", use=tmp_path)
    await asyncio.wait_for(home.ear.run(), 20)
    assert home.events.get_nowait() == OFF
    (record,) = caplog.records
    assert str(tmp_path) in record.getMessage()


async def test_events_arrive_on_the_loops_thread(room: Callable[..., Room], speech: Path) -> None:
    home = room("stop", source=f"wav:{speech / 'stop-slt.wav'}")
    loops: list[asyncio.AbstractEventLoop] = []
    home.ear._emit = lambda _: loops.append(asyncio.get_running_loop())
    await asyncio.wait_for(home.ear.run(), 20)
    assert loops
    assert set(loops) == {asyncio.get_running_loop()}


async def test_a_bug_in_the_thread_is_not_swallowed(
    room: Callable[..., Room], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_settings: VoiceSettings) -> Model:
        raise RuntimeError("a bug")

    monkeypatch.setattr("edge_agent.voice.ear.heard_model", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        await asyncio.wait_for(room("stop").ear.run(), 20)


async def test_neither_audio_nor_other_speech_is_logged(
    room: Callable[..., Room], speech: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with listening(room("stop")) as home:
            assert await home.next() == LISTENING
            await home.say(speech / "running-speech-rms.wav")
            await home.say(speech / "stop-rms.wav")
            assert await home.next_phrase() == "stop"
    assert [record for record in caplog.records if record.name.startswith("edge_agent.voice")] == []


async def test_another_model_is_heard_with_from_the_next_block_on_and_no_phrase_is_lost(
    room: Callable[..., Room], speech: Path, model: Model, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(model.directory, other)
    words = (other / "graph" / "words.txt").read_text("utf-8")
    (other / "graph" / "words.txt").write_text(words.replace("kitchen ", "kitchin "), "utf-8")
    async with listening(room("hey kitchin", "hey kitchen")) as home:
        assert await home.next() == LISTENING
        await home.say(speech / "hey-kitchen-rms.wav")
        assert await home.next_phrase() == "hey kitchen"
        pcm = read_wav(speech / "hey-kitchen-rms.wav")
        middle = len(pcm) // 4 * 2
        with home.path.open("wb", buffering=0) as microphone:  # the model changes in the middle of a word
            await asyncio.to_thread(microphone.write, pcm[:middle])
            await home.ear.hear_with(check_model(other))
            await asyncio.to_thread(microphone.write, pcm[middle:])
        assert await home.next_phrase() == "hey kitchin"
    assert await home.next() == OFF


async def test_a_model_that_cannot_be_loaded_leaves_the_old_one_hearing(
    room: Callable[..., Room], speech: Path, model: Model, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(model.directory, broken)
    (broken / "am" / "final.mdl").write_bytes(b"")
    async with listening(room("hey kitchen")) as home:
        assert await home.next() == LISTENING
        with pytest.raises(VoiceError, match="cannot read the speech model"):
            await home.ear.hear_with(check_model(broken))
        await home.say(speech / "hey-kitchen-rms.wav")
        assert await home.next_phrase() == "hey kitchen"
