"""The server on real sockets with the protocol's own package as its clients, and with clients that mean it ill."""

import asyncio
import logging
import os
import resource
import shutil
import socket
import threading
import time
from array import array
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.wake import Detect, Detection, NotDetected

from edge_agent.model.errors import SettingsError
from edge_agent.voice.libvosk import SpeechModel
from edge_agent.voice.models import CHOSEN, Model, choose, find_model
from edge_agent.voice.spotting import spot_audio
from edge_agent.voice.wav import read_wav
from edge_agent.voice.wyoming.engine import Engine
from edge_agent.voice.wyoming.mute import Mute
from edge_agent.voice.wyoming.offer import Offer
from edge_agent.voice.wyoming.protocol import Address, Inbox, Message
from edge_agent.voice.wyoming.reply import Reply
from edge_agent.voice.wyoming.server import GATHER_S, READ_BYTES, Bounds, WyomingServer
from edge_agent.voice.wyoming.session import LONGEST_UTTERANCE_S, ON_ITS_WAY_S, Session
from edge_agent.voice.wyoming.sockets import keep_asking, listen_on
from tests.wyoming_peers import PATIENCE_S, START, STOP, answer, answers_to_the_end, chunks, spoken, tell

OFFER = Offer(("hey kitchen", "stop"), ("hey kitchen", "stop", "tell me more"), "en")

Serving = Callable[..., AbstractAsyncContextManager[str]]


class Switch:
    """What a person mutes the device with."""

    def __init__(self) -> None:
        self.mute = Mute()

    def turn(self, *, on: bool) -> None:
        self.mute = self.mute.turned(time.monotonic(), on=on)


@pytest.fixture(scope="module")
def engine(model: Model) -> Engine:
    return Engine(lambda: model, OFFER)


@pytest.fixture
def switch() -> Switch:
    return Switch()


@pytest.fixture
def serving(engine: Engine, tmp_path: Path, switch: Switch) -> Serving:
    @asynccontextmanager
    async def serve(bounds: Bounds | None = None, uri: str = "") -> AsyncIterator[str]:
        server = WyomingServer(engine, lambda: switch.mute, bounds)
        async with server.listening(Address.parse(uri or f"unix://{tmp_path}/wyoming")) as taken:
            yield str(taken)

    return serve


def read_wav_of(name: str) -> bytes:
    return read_wav(Path(__file__).parents[3] / "speech" / f"{name}.wav")


def texts(events: list[Event]) -> list[str]:
    return [Error.from_event(event).code or "" if Error.is_type(event.type) else event.type for event in events]


async def test_it_says_what_it_offers_and_what_that_is_worth(serving: Serving) -> None:
    async with serving(uri="tcp://127.0.0.1:0") as uri, AsyncClient.from_uri(uri) as client:
        await client.write_event(Describe().event())
        info = Info.from_event(await answer(client))
    (wake,), (asr,) = info.wake, info.asr
    assert [(model.name, model.phrase) for model in wake.models] == [("hey_kitchen", "hey kitchen"), ("stop", "stop")]
    assert all(model.installed and model.languages == ["en"] for model in wake.models)
    assert [model.languages for model in asr.models] == [["en"]]
    assert "one of 3 known phrases" in str(asr.description)
    assert asr.requires_external_vad
    assert info.satellite is None
    assert not info.mic


async def test_a_wake_phrase_is_detected_where_it_ends_and_again(
    serving: Serving, speech_model: SpeechModel, model: Model
) -> None:
    (expected,) = spot_audio(read_wav_of("hey-kitchen-rms"), OFFER.wake, speech_model, model.vocabulary())
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        for _ in range(2):
            said = spoken("hey-kitchen-rms", timestamp=5000)
            await tell(client, Detect(names=["hey_kitchen"]).event(), *said)
            detection = Detection.from_event(await answer(client))
            assert detection.name == "hey_kitchen"
            assert detection.timestamp is not None
            # The timestamp is that of the chunk (64 ms of audio) in which the phrase ended.
            assert detection.timestamp <= 5000 + expected.end_s * 1000 < detection.timestamp + 64


async def test_a_client_that_never_ends_its_audio_is_told_at_once(serving: Serving) -> None:
    """Home Assistant listens for a wake word without ever sending audio-stop."""
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        await tell(client, Detect(names=None).event(), START, *chunks(read_wav_of("hey-kitchen-awb") + bytes(32_000)))
        assert Detection.from_event(await answer(client)).name == "hey_kitchen"
        await tell(client, *chunks(bytes(64_000)), *chunks(read_wav_of("stop-rms") + bytes(32_000)))
        assert Detection.from_event(await answer(client)).name == "stop"


async def test_audio_alone_is_listened_to_for_every_wake_phrase(serving: Serving) -> None:
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        await tell(client, *chunks(read_wav_of("stop-slt")), STOP)
        assert Detection.from_event(await answer(client)).name == "stop"


@pytest.mark.parametrize("name", ["running-speech-rms", "tell-me-more-rms"])
async def test_what_is_no_wake_phrase_is_not_detected(serving: Serving, name: str) -> None:
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        await tell(client, Detect().event(), *spoken(name), Ping(text="still there?").event())
        assert NotDetected.is_type((await answer(client)).type)
        assert Pong.from_event(await answer(client)).text == "still there?"


async def test_only_the_named_phrase_is_listened_for(serving: Serving) -> None:
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        await tell(client, Detect(names=["stop", "hey_jarvis"]).event(), *spoken("hey-kitchen-rms"))
        assert NotDetected.is_type((await answer(client)).type)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tell-me-more-rms", "tell me more"),
        ("wake-and-command", "hey kitchen tell me more"),
        ("running-speech-awb", ""),
    ],
)
async def test_speech_is_recognised_as_the_phrases_in_it(serving: Serving, name: str, text: str) -> None:
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        await tell(client, Transcribe(language="en-GB").event(), *spoken(name))
        transcript = Transcript.from_event(await answer(client))
        assert (transcript.text, transcript.language) == (text, "en")


async def test_clients_are_heard_at_the_same_time_and_each_for_itself(serving: Serving) -> None:
    async def say(uri: str, name: str, client_language: str) -> str:
        async with AsyncClient.from_uri(uri) as client:
            await tell(client, Transcribe(language=client_language).event(), *spoken(name))
            return Transcript.from_event(await answer(client)).text

    async with serving() as uri:
        names = ["stop-rms", "tell-me-more-awb", "hey-kitchen-slt", "running-speech-slt"]
        said = await asyncio.gather(*(say(uri, name, "en") for name in names))
    assert said == ["stop", "tell me more", "hey kitchen", ""]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (Transcribe(language="fr").event(), "unknown-language"),
        (Event("audio-start", {"rate": 16000}), "malformed"),
        (Event("audio-chunk", {}, b"12"), "malformed"),
        (Event("detect", {"names": "stop"}), "malformed"),
    ],
    ids=["language", "start", "chunk", "names"],
)
async def test_who_asks_for_what_is_not_to_be_had_is_told_why(serving: Serving, request_: Event, code: str) -> None:
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        await tell(client, request_)
        assert texts(await answers_to_the_end(client)) == [code]


async def test_who_listens_for_a_phrase_that_is_gone_stays_unheard(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    """Home Assistant asks for the phrase that was chosen in it, and again at once when it is hung up on."""
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        for _ in range(2):
            said = spoken("stop-rms")
            await tell(client, Detect(names=["hey_jarvis"]).event(), *said[:-1], Ping().event(), said[-1])
            assert Error.from_event(await answer(client)).code == "unknown-model"
            assert Pong.is_type((await answer(client)).type)
            assert NotDetected.is_type((await answer(client)).type)
            await tell(client, Detect(names=["stop"]).event(), *said)
            assert Detection.from_event(await answer(client)).name == "stop"
    assert [record.message.count("It is not heard.") for record in caplog.records] == [1]
    assert "Offered: hey_kitchen, stop." in caplog.text


async def test_while_muted_nothing_is_heard_and_what_is_offered_stays_known(serving: Serving, switch: Switch) -> None:
    async with serving() as uri:
        async with AsyncClient.from_uri(uri) as client:
            await tell(client, Transcribe().event(), START, *chunks(read_wav_of("stop-rms")), Ping().event())
            assert Pong.is_type((await answer(client)).type)
            switch.turn(on=True)
            await tell(client, STOP)
            assert texts(await answers_to_the_end(client)) == ["muted"]
        for request_ in (Transcribe().event(), Transcribe(language="en").event()):
            async with AsyncClient.from_uri(uri) as client:
                await tell(client, Describe().event(), request_)
                assert texts(await answers_to_the_end(client)) == ["info", "muted"]


@pytest.mark.parametrize("asks_again", [(), (Detect().event(), START)], ids=["streams-on", "asks-again"])
async def test_who_listens_for_wake_phrases_is_unheard_while_muted_and_heard_again_after(
    serving: Serving, switch: Switch, caplog: pytest.LogCaptureFixture, asks_again: tuple[Event, ...]
) -> None:
    """Home Assistant begins again at once when it is hung up on, for as long as that lasts."""
    said = read_wav_of("hey-kitchen-rms")
    half = len(said) // 4 * 2
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        await tell(client, Detect().event(), START, *chunks(said[:half]), Ping().event())
        assert Pong.is_type((await answer(client)).type)
        for _ in range(2):
            switch.turn(on=True)
            await tell(client, *chunks(said), *asks_again, *chunks(said), Describe().event(), Ping().event())
            assert [(await answer(client)).data.get("code") for _ in range(3)] == ["muted", None, None]
            switch.turn(on=False)
            await tell(client, *chunks(said[half:] + bytes(32_000)), Ping().event())
            assert Pong.is_type((await answer(client)).type)
            await tell(client, *chunks(said + bytes(32_000)))
            assert Detection.from_event(await answer(client)).name == "hey_kitchen"
            await tell(client, *chunks(said[:half]), Ping().event())
            assert Pong.is_type((await answer(client)).type)
        switch.turn(on=True)
        await tell(client, STOP)
        assert texts([await answer(client), await answer(client)]) == ["muted", "not-detected"]
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("wants", "leaves"), [(Detect().event(), False), (Transcribe().event(), True)], ids=["wake", "transcript"]
)
@pytest.mark.parametrize("over", [False, True], ids=["muted", "muted-and-over"])
async def test_what_waits_for_its_turn_on_the_loop_when_it_is_muted_is_not_told(
    engine: Engine, tmp_path: Path, wants: Event, leaves: bool, over: bool
) -> None:
    decoded = threading.Event()

    def mute() -> Mute:
        if threading.current_thread() is not threading.main_thread():
            decoded.set()
            return Mute()
        return Mute(on=not over, turns=1) if decoded.is_set() else Mute()

    uri = f"unix://{tmp_path}/wyoming"
    async with (
        WyomingServer(engine, mute).listening(Address.parse(uri)),
        AsyncClient.from_uri(uri) as client,
    ):
        said = spoken("hey-kitchen-rms")
        await tell(client, wants, *(said if leaves else [*said[:-1], *chunks(bytes(32_000))]))
        assert texts([await answer(client)]) == ["muted"]
        if leaves:
            assert await answers_to_the_end(client) == []
        else:
            await tell(client, Ping(text="still there?").event())
            assert Pong.from_event(await answer(client)).text == "still there?"


def told(session: Session, *messages: Message) -> list[str]:
    """Return what one piece of these messages is answered with."""
    return codes(done(session, b"".join(each.encode() for each in messages)))


def done(session: Session, received: bytes) -> list[Reply]:
    """Let a session have as many turns as it needs; return its answers."""
    replies = [*session.mute_wins(session.receive(received))]
    while session.has_more:
        replies += session.mute_wins(session.go_on())
    return replies


def codes(replies: Sequence[Reply]) -> list[str]:
    """Return what each answer is, or why it is an error."""
    inbox = Inbox()
    found = [message for reply in replies for message in inbox.feed(reply.encoded)]
    return [str(message.data["code"]) if message.type == "error" else message.type for message in found]


def chunk_of(pcm: bytes) -> Message:
    return Message("audio-chunk", {"rate": 16_000, "width": 2, "channels": 1}, pcm)


def turn_twice(switch: Switch) -> None:
    switch.turn(on=True)
    switch.turn(on=False)


def test_a_mute_that_is_over_before_the_next_piece_comes_forgets_what_was_said(
    engine: Engine, switch: Switch
) -> None:
    said = read_wav_of("hey-kitchen-rms")
    half = len(said) // 4 * 2
    session = Session(engine, lambda: switch.mute)
    assert told(session, Message("detect"), chunk_of(said[:half])) == []
    turn_twice(switch)
    assert told(session, Message("ping")) == ["pong"]
    assert told(session, chunk_of(said[half:] + bytes(64_000)), chunk_of(said + bytes(64_000))) == ["muted"]
    assert told(session, chunk_of(bytes(32_000)), Message("ping")) == ["pong"]
    assert told(session, chunk_of(said + bytes(64_000))) == ["detection"]
    assert told(session, Message("audio-stop")) == []


def test_a_short_mute_ends_a_transcription_and_none_that_begins_after_it(engine: Engine, switch: Switch) -> None:
    said = read_wav_of("stop-rms")
    session = Session(engine, lambda: switch.mute)
    turn_twice(switch)
    assert told(session, Message("ping")) == ["pong"]
    begun = [Message("transcribe"), chunk_of(said)]
    assert told(session, *begun, Message("audio-stop")) == ["transcript"]
    assert told(session, *begun) == []
    turn_twice(switch)
    assert told(session, Message("audio-stop")) == ["muted"]
    assert session.error is not None


def test_what_may_have_been_sent_while_muted_is_never_heard(engine: Engine, switch: Switch) -> None:
    """What comes is gathered for up to a fifth of a second: the first piece after a mute may be of before its end."""
    said = read_wav_of("hey-kitchen-rms") + bytes(64_000)
    session = Session(engine, lambda: switch.mute)
    assert told(session, Message("detect")) == []
    turn_twice(switch)
    assert told(session, chunk_of(said), Message("ping")) == ["muted", "pong"], "nothing of it had begun before"
    assert told(session, chunk_of(said)) == ["detection"]
    switch.turn(on=True)
    assert told(session, chunk_of(said)) == ["muted"]
    switch.turn(on=False)
    assert told(session, chunk_of(said), Message("ping")) == ["pong"]
    assert told(session, chunk_of(said)) == ["detection"]
    assert told(session, Message("audio-stop")) == []
    switch.mute = replace(switch.mute, turned_at_s=time.monotonic() - ON_ITS_WAY_S, turns=switch.mute.turns + 2)
    assert told(session, chunk_of(said)) == ["detection"], "that one is over for long enough"
    turn_twice(switch)
    assert told(session, Message("transcribe"), chunk_of(said), Message("audio-stop")) == ["muted"]
    begun_after = Session(engine, lambda: switch.mute)
    assert told(begun_after, Message("transcribe"), chunk_of(said), Message("audio-stop")) == ["transcript"]


def test_a_mute_that_comes_and_goes_while_a_piece_is_decoded_forgets_it(engine: Engine, switch: Switch) -> None:
    said = read_wav_of("hey-kitchen-rms")
    looks = iter(range(100))

    def mute() -> Mute:
        if next(looks) == 3:  # made, took a piece, asked to listen, and now a chunk of it
            turn_twice(switch)
        return switch.mute

    session = Session(engine, mute)
    assert told(session, Message("detect"), chunk_of(said), chunk_of(bytes(64_000))) == ["muted"]
    assert told(session, chunk_of(bytes(64_000)), Message("ping")) == ["pong"]
    assert told(session, chunk_of(said + bytes(64_000))) == ["detection"]


@pytest.mark.parametrize("tells", [False, True], ids=["before-the-phrase", "as-it-is-told"])
def test_a_mute_that_comes_and_goes_in_the_middle_of_a_message_forgets_the_rest_of_it(
    engine: Engine, switch: Switch, tells: bool
) -> None:
    said = read_wav_of("hey-kitchen-rms")
    session = Session(engine, lambda: switch.mute, turn_s=0.0)
    long = chunk_of(said + bytes(96_000) + said + bytes(64_000))
    replies = session.receive(Message("detect").encode() + long.encode())
    while tells and not replies:
        replies = session.go_on()
    turn_twice(switch)
    assert codes(session.mute_wins(replies)) == ["muted"] * tells
    after = [*session.go_on(), *session.go_on()]
    assert not session.has_more, "nothing of the rest is decoded"
    assert codes(after) == ["muted"] * (not tells)
    assert told(session, chunk_of(said)) == [], "it may have come meanwhile"
    assert told(session, chunk_of(said + bytes(64_000))) == ["detection"]


def test_a_disk_that_gives_no_model_back_is_said_to_who_asks(model: Model, tmp_path: Path) -> None:
    """Home Assistant asks again at once: each time as a bug it would fill the log."""
    shutil.copytree(model.directory, tmp_path / "mine")
    choose(tmp_path, tmp_path / "mine")
    session = Session(Engine(lambda: find_model(None, tmp_path, "en"), OFFER))
    shutil.rmtree(tmp_path / "mine")
    (tmp_path / CHOSEN).unlink()
    (tmp_path / CHOSEN).mkdir()
    assert codes(done(session, Message("detect").encode() + chunk_of(bytes(3200)).encode())) == ["failed"]
    assert "Is a directory" in str(session.error)


class WatchedEngine(Engine):
    """Says when it is told to rest."""

    rested: asyncio.Event

    def rest(self) -> None:
        super().rest()
        self.rested.set()


async def test_the_model_is_kept_from_a_wake_to_its_command_and_let_go_when_everybody_has_left(
    model: Model, tmp_path: Path
) -> None:
    """Home Assistant connects for the wake phrase, and anew for the command."""
    engine = WatchedEngine(lambda: model, OFFER)
    engine.rested = asyncio.Event()
    address = Address.parse(f"unix://{tmp_path}/wyoming")
    loaded = [engine.is_loaded]
    async with WyomingServer(engine, bounds=Bounds(1, busy_s=0.01, rest_s=PATIENCE_S)).listening(address) as taken:
        await is_well(str(taken))
        for _ in range(3):
            await has_a_place_again(str(taken))
        loaded.append(engine.is_loaded and not engine.rested.is_set())
    assert [*loaded, engine.is_loaded] == [False, True, False]
    engine.rested.clear()
    async with WyomingServer(engine, bounds=Bounds(rest_s=0.01)).listening(address) as taken:
        await is_well(str(taken))
        await asyncio.wait_for(engine.rested.wait(), PATIENCE_S)
        await is_well(str(taken))


async def test_a_wake_stream_is_quiet_while_nobody_speaks(engine: Engine) -> None:
    said = read_wav_of("hey-kitchen-rms")
    session = Session(engine)
    done(session, Message("detect").encode())
    quiet = []
    for pcm in (bytes(64_000), said[:20_000], said[20_000:] + bytes(96_000)):
        done(session, chunk_of(pcm).encode())
        quiet.append(session.is_quiet)
    done(session, Message("transcribe").encode() + chunk_of(bytes(64_000)).encode())
    assert [*quiet, session.is_quiet] == [True, False, True, False]


# --- clients that mean it ill -----------------------------------------------------------------------------------


async def connect(uri: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_unix_connection(Address.parse(uri).path)


async def rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE_S)
    except ConnectionError:
        return b""


async def is_well(uri: str) -> None:
    async with AsyncClient.from_uri(uri) as client:
        await tell(client, *spoken("stop-rms"))
        assert Detection.from_event(await answer(client)).name == "stop"


async def has_a_place_again(uri: str) -> None:
    """Return when a client is served: those that left may not have been noticed yet."""
    while True:
        with suppress(OSError):
            async with AsyncClient.from_uri(uri) as client:
                await client.write_event(Ping().event())
                if Pong.is_type((await answer(client)).type):
                    return


def stamped(timestamp: str) -> bytes:
    """Return "hey kitchen" at this time, which is no JSON or more than a number may be."""
    pcm = read_wav_of("hey-kitchen-rms") + bytes(16_000)
    header = (
        '{"type":"audio-chunk","data":{"rate":16000,"width":2,"channels":1,"timestamp":%s},"payload_length":%d}\n'
    )
    return (header % (timestamp, len(pcm))).encode() + pcm


PONG = Message("pong", {"text": None}).encode()
HALF_A_MESSAGE = b'{"type":"audio-chunk","payload_length":400000}\n' + bytes(5000)

ILL = {
    "garbage": os.urandom(4096) + b"\n",
    "http": b"POST / HTTP/1.1\r\n\r\n",
    "header-without-end": b"x" * 300_000,
    "payload-of-a-gigabyte": b'{"type":"audio-chunk","payload_length":1073741824}\n',
    "data-of-a-gigabyte": b'{"type":"detect","data_length":1073741824}\n',
    "deep": b"[" * 30_000 + b"\n",
    "describes-without-reading": b'{"type":"describe"}\n' * 20_000,
    "no-number-as-timestamp": stamped("NaN"),
    "endless-timestamp": stamped("1e999"),
}


@pytest.mark.parametrize("sent", [pytest.param(sent, id=name) for name, sent in ILL.items()])
async def test_whoever_breaks_the_protocol_goes_and_the_others_stay(
    serving: Serving, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as uri:
        for _ in range(3):
            reader, writer = await connect(uri)
            writer.write(sent)
            assert b'"error"' in await rest(reader) or len(sent) > 60_000
            writer.close()
        await is_well(uri)
    assert len(caplog.records) == 1
    assert "was sent away" in caplog.text


async def test_speech_without_an_end_is_not_transcribed_for_ever(serving: Serving) -> None:
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        half = bytes(round(LONGEST_UTTERANCE_S / 2) * 32_000 + 3200)
        chunk = AudioChunk(rate=16_000, width=2, channels=1, audio=half).event()
        await tell(client, Transcribe().event(), START, chunk, chunk)
        assert texts(await answers_to_the_end(client)) == ["too-long"]


async def test_a_stream_without_an_end_takes_no_more_memory(serving: Serving) -> None:
    noise = os.urandom(32_000)
    chunk = AudioChunk(rate=16_000, width=2, channels=1, audio=noise).event()
    async with serving() as uri, AsyncClient.from_uri(uri) as client:
        await tell(client, *[chunk] * 3, Ping().event())
        await answer(client)
        before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await tell(client, *[chunk] * 12, Ping().event())
        await answer(client)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 4096


async def test_who_sends_faster_than_it_is_decoded_has_to_wait_with_it(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small message first: the server then lets more come together, while the stream may have enough already."""
    waited_bytes, has_enough = [0], asyncio.Event()
    feed = asyncio.StreamReader.feed_data

    def watched(reader: asyncio.StreamReader, received: bytes) -> None:
        feed(reader, received)
        waited_bytes.append(len(vars(reader)["_buffer"]))
        if waited_bytes[-1] > 2 * READ_BYTES:
            has_enough.set()

    decodes, may_go = threading.Event(), threading.Event()

    def mute() -> Mute:
        if threading.current_thread() is not threading.main_thread():
            decodes.set()
            may_go.wait(PATIENCE_S)
        return Mute()

    monkeypatch.setattr(asyncio.StreamReader, "feed_data", watched)
    chunk = AudioChunk(rate=16_000, width=2, channels=1, audio=bytes(64_000)).event()
    uri = f"unix://{tmp_path}/wyoming"
    async with (
        WyomingServer(engine, mute).listening(Address.parse(uri)),
        AsyncClient.from_uri(uri) as client,
    ):
        await tell(client, Detect().event())
        assert await asyncio.to_thread(decodes.wait, PATIENCE_S)
        telling = asyncio.create_task(tell(client, *[chunk] * 200, Ping().event()))
        await asyncio.wait_for(has_enough.wait(), PATIENCE_S)
        may_go.set()
        assert Pong.is_type((await answer(client)).type)
        await telling
    assert max(waited_bytes) < 2**20


async def test_who_sends_minutes_of_speech_at_once_keeps_nobody_from_being_heard(
    engine: Engine, tmp_path: Path
) -> None:
    """A message may hold two minutes of audio, of a kind that nobody needs."""
    begun = threading.Event()

    def mute() -> Mute:
        if threading.current_thread() is not threading.main_thread():
            begun.set()
        return Mute()

    answered: list[str] = []

    async def hear_from(name: str, client: AsyncClient) -> None:
        assert Pong.from_event(await answer(client)).text == name
        answered.append(name)

    speech = bytes((sample >> 8) + 128 for sample in array("h", read_wav_of("running-speech-rms"))[::4]) * 6
    address = Address.parse(f"unix://{tmp_path}/wyoming")
    async with (
        WyomingServer(engine, mute).listening(address) as taken,
        AsyncClient.from_uri(str(taken)) as much,
        AsyncClient.from_uri(str(taken)) as little,
    ):
        chunk = AudioChunk(rate=4000, width=1, channels=1, audio=speech).event()
        await tell(much, chunk, Ping(text="much").event())
        assert await asyncio.to_thread(begun.wait, PATIENCE_S)
        await tell(little, Ping(text="little").event())
        await asyncio.gather(hear_from("much", much), hear_from("little", little))
    assert answered == ["little", "much"]


async def test_one_client_too_many_is_told_so_and_a_place_is_free_again(serving: Serving) -> None:
    async with serving(Bounds(clients=2, busy_s=0.05)) as uri:
        async with AsyncClient.from_uri(uri) as first, AsyncClient.from_uri(uri) as second:
            for client in (first, second):
                await client.write_event(Ping().event())
                assert Pong.is_type((await answer(client)).type)
            async with AsyncClient.from_uri(uri) as third:
                assert texts(await answers_to_the_end(third)) == ["busy"]
        await has_a_place_again(uri)


async def test_one_client_too_many_is_not_hung_up_on_at_once(serving: Serving) -> None:
    """Home Assistant would ask again in that moment."""
    async with serving(Bounds(clients=1, busy_s=PATIENCE_S)) as uri, AsyncClient.from_uri(uri) as first:
        await tell(first, Ping().event())
        await answer(first)
        reader, writer = await connect(uri)
        assert b'"error"' in await reader.readline()
        await reader.readuntil(b"}")
        for _ in range(3):
            await tell(first, Ping().event())
            await answer(first)
        assert not reader.at_eof()
        writer.close()


async def come_from(host: str, uri: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the server from one of this machine's addresses."""
    return await asyncio.open_connection("127.0.0.1", Address.parse(uri).port, local_addr=(host, 0))


async def test_a_flood_from_one_address_keeps_nobody_from_another_out(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    """It is in the middle of messages, or asks on and on, and comes again as soon as it is sent away."""
    ping = Message("ping").encode()

    crowded = asyncio.Event()

    async def flood(uri: str, begins: bytes) -> None:
        while True:
            if "one too many" in caplog.text:
                crowded.set()
            with suppress(OSError):
                reader, writer = await come_from("127.0.0.2", uri)
                try:
                    writer.write(begins)
                    while not reader.at_eof():
                        writer.write(b" " if begins == HALF_A_MESSAGE else ping)
                        await writer.drain()
                        await asyncio.wait([reading := asyncio.create_task(reader.read(READ_BYTES))], timeout=0.01)
                        reading.cancel()
                finally:
                    writer.transport.abort()

    async with serving(Bounds(clients=4, busy_s=0.05), uri="tcp://127.0.0.1:0") as uri:
        floods = [asyncio.create_task(flood(uri, begins)) for begins in [HALF_A_MESSAGE, ping] * 4]
        try:
            async with asyncio.timeout(PATIENCE_S):
                await crowded.wait()
            there = [await come_from("127.0.0.3", uri) for _ in range(2)]
            for reader, writer in there * 3:
                writer.write(ping)
                await asyncio.wait_for(reader.readuntil(PONG), PATIENCE_S)
        finally:
            for each in floods:
                each.cancel()
            await asyncio.wait(floods)
        for _, writer in there:
            writer.transport.abort()
    assert "gives its place to another address" in caplog.text


async def test_of_the_address_with_most_places_goes_who_said_nothing_for_longest(serving: Serving) -> None:
    async def connect_and_ask(host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await come_from(host, uri)
        await asks(reader, writer)
        return reader, writer

    async def asks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(Message("ping").encode())
        await asyncio.wait_for(reader.readuntil(PONG), PATIENCE_S)

    async with serving(Bounds(clients=3, busy_s=0.05), uri="tcp://127.0.0.1:0") as uri:
        there = [await connect_and_ask("127.0.0.2") for _ in range(3)]
        for each in (there[2], there[0]):
            await asks(*each)
        other = await connect_and_ask("127.0.0.3")
        assert await rest(there[1][0]) == b""
        for each in (there[0], there[2], other):
            await asks(*each)
        for host in ("127.0.0.2", "127.0.0.3"):  # nobody has two more than either would have
            reader, writer = await come_from(host, uri)
            assert b"busy" in await rest(reader)
            writer.close()
        for _, writer in (*there, other):
            writer.transport.abort()


async def test_who_listens_may_be_silent_until_its_place_is_needed(serving: Serving) -> None:
    """A satellite sends its audio elsewhere after a wake, for as long as that takes."""
    async with serving(Bounds(clients=3, idle_s=0.05)) as uri, AsyncClient.from_uri(uri) as listening:
        await tell(listening, Detect().event(), Ping().event())
        await answer(listening)
        for _ in range(3):
            reader, writer = await connect(uri)
            assert await rest(reader) == b""
            writer.close()
        await tell(listening, *spoken("stop-rms"))
        assert Detection.from_event(await answer(listening)).name == "stop"
    async with serving(Bounds(clients=1, idle_s=0.05)) as uri, AsyncClient.from_uri(uri) as listening:
        await tell(listening, Detect().event())
        assert await answers_to_the_end(listening) == []


async def test_who_never_says_anything_may_stay_until_its_place_is_needed(serving: Serving) -> None:
    """Whoever connects and forgets it would keep Home Assistant out for a minute, and eight of them for ever."""
    async with serving(Bounds(clients=3, message_s=0.02, idle_s=3600)) as uri:
        reader, writer = await connect(uri)
        for _ in range(5):  # the other one has to go, being in the middle of a message
            other_reader, other = await connect(uri)
            other.write(b"{")
            assert await rest(other_reader) == b""
            other.close()
        writer.write(Message("ping").encode())
        assert b"pong" in await reader.readline()
        writer.close()
    async with serving(Bounds(clients=1, message_s=0.02, idle_s=3600)) as uri:
        reader, writer = await connect(uri)
        assert await rest(reader) == b""
        writer.close()


def test_who_sends_more_than_is_read_is_made_to_wait_by_the_system() -> None:
    """Eight who send as fast as they can would else have fifty megabytes of it kept for them."""
    with listen_on(Address.parse("tcp://127.0.0.1:0")) as door, socket.create_connection(door.getsockname()):
        accepted, _ = door.accept()
        assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) <= 128 * 1024
        accepted.close()


def test_a_connection_without_power_at_its_other_end_is_found_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door, socket.create_connection(door.getsockname()) as one:
        keep_asking(one)
        assert one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if hasattr(socket, "TCP_KEEPIDLE"):
            assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60


async def test_who_says_nothing_or_stops_in_the_middle_has_to_go(serving: Serving) -> None:
    async with serving(Bounds(idle_s=0.05)) as uri:
        reader, writer = await connect(uri)
        assert await rest(reader) == b""
        writer.close()
    async with serving(Bounds(message_s=4 * GATHER_S)) as uri, asyncio.timeout(PATIENCE_S):
        reader, writer = await connect(uri)
        ended = asyncio.create_task(rest(reader))
        while not ended.done():  # the time for a message runs from its first byte, not from its last
            writer.write(b" ")
            await asyncio.wait([ended], timeout=0.01)
        assert await ended == b""
        writer.close()


async def test_who_does_not_take_its_answers_has_to_go(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(Bounds(answer_s=0.05)) as uri:
        _, writer = await connect(uri)
        ping = Message("ping", {"text": "x" * 1000}).encode() * 60
        while not caplog.records:
            writer.write(ping)
            await asyncio.wait([asyncio.create_task(writer.drain())], timeout=0.01)
        writer.transport.abort()
        await is_well(uri)
    assert "does not take its answers" in caplog.text


async def test_connections_that_break_off_leave_nothing_behind(serving: Serving) -> None:
    async with serving(Bounds(clients=2)) as uri:
        for _ in range(20):
            with socket.socket(socket.AF_UNIX) as half:
                half.connect(Address.parse(uri).path)
                half.sendall(HALF_A_MESSAGE)
        await has_a_place_again(uri)


async def test_a_socket_is_for_its_owner_and_group_and_gone_afterwards(serving: Serving, tmp_path: Path) -> None:
    path = tmp_path / "wyoming"
    async with serving():
        assert path.stat().st_mode & 0o777 == 0o660
        with pytest.raises(SettingsError, match="cannot use"):
            async with serving():
                pass
        assert path.is_socket()
    assert not path.exists()


async def test_a_socket_that_was_left_behind_is_taken(serving: Serving, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "wyoming"))
    async with serving() as uri:
        await is_well(uri)


async def test_an_address_that_is_taken_is_told(serving: Serving) -> None:
    async with serving(uri="tcp://127.0.0.1:0") as uri:
        with pytest.raises(SettingsError, match="in use"):
            async with serving(uri=uri):
                pass


async def test_an_address_for_everybody_is_warned_of(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(uri="tcp://127.0.0.1:0"):
        assert caplog.text == ""
    async with serving(uri="tcp://0.0.0.0:0"):
        assert "knows no passwords" in caplog.text


async def test_nothing_that_is_said_is_logged(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "edge_agent"):
        async with serving() as uri:
            await is_well(uri)
    assert caplog.text == ""
