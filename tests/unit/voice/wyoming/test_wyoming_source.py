"""Satellites and microphone services that feed us: the protocol's own package on the other side of real sockets."""

import asyncio
import socket
from array import array
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from wyoming.audio import AudioFormat
from wyoming.client import AsyncClient
from wyoming.event import Event
from wyoming.info import Attribution, Describe, Info, MicProgram, Satellite, WakeProgram
from wyoming.ping import Ping, Pong
from wyoming.server import AsyncEventHandler

from edge_agent.model.device import Microphone as State
from edge_agent.model.errors import MicrophoneError, VoiceError
from edge_agent.model.events import Event as AgentEvent
from edge_agent.model.events import MicrophoneChanged, PhraseHeard
from edge_agent.settings.rooms import VoiceSettings
from edge_agent.voice.backlog import KEPT_S
from edge_agent.voice.conversion import Converter
from edge_agent.voice.ear import Ear
from edge_agent.voice.sources import SILENCE, source_from
from edge_agent.voice.wav import read_wav
from edge_agent.voice.wyoming import door as wyoming_door
from edge_agent.voice.wyoming import source as wyoming_source
from edge_agent.voice.wyoming.door import MOST_PEERS, WyomingDoor
from edge_agent.voice.wyoming.protocol import Address, Message
from edge_agent.voice.wyoming.source import HUSH_S, WyomingSource
from tests.wyoming_peers import PATIENCE_S, START, Microphone, answer, chunks, spoken, tell

WHO: dict[str, Any] = {"attribution": Attribution("", ""), "installed": True, "description": None, "version": None}
A_SATELLITE = Info(satellite=Satellite("kitchen", **WHO)).event()
A_MICROPHONE = Info(mic=[MicProgram("mic", **WHO, mic_format=AudioFormat(16_000, 2, 1))]).event()
PING = Message("ping", {"text": "x" * 1000}).encode()
A_WAKE_SERVICE = Info(wake=[WakeProgram("wake", **WHO, models=[])]).event()


class Home:
    """An ear with a Wyoming source, and what it emitted."""

    def __init__(self, source: str, model: Path) -> None:
        self.events: asyncio.Queue[AgentEvent] = asyncio.Queue()
        settings = VoiceSettings(source=source, model=model)
        retry = timedelta(milliseconds=20)
        self.ear = Ear(settings, self.events.put_nowait, phrases=("hey kitchen", "stop"), retry_min=retry)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        running = asyncio.create_task(self.ear.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait([running])

    async def becomes(self, state: State) -> None:
        """Wait until the microphone is in that state."""
        while await self.next() != MicrophoneChanged(state):
            pass

    async def hears(self, phrase: str) -> None:
        event = await self.next()
        assert isinstance(event, PhraseHeard)
        assert event.phrase == phrase

    async def next(self) -> AgentEvent:
        return await asyncio.wait_for(self.events.get(), PATIENCE_S)


async def came(microphone: Microphone) -> AsyncEventHandler:
    return await asyncio.wait_for(microphone.came.get(), PATIENCE_S)


async def say(handler: AsyncEventHandler, *names: str) -> None:
    for name in names:
        for event in spoken(name):
            await handler.write_event(event)


@pytest.mark.parametrize(
    ("introduction", "waits"),
    [(A_SATELLITE, True), (A_MICROPHONE, False), (None, False)],
    ids=["satellite", "microphone", "microphone-that-only-sends"],
)
async def test_what_it_sends_is_heard(
    tmp_path: Path, model_directory: Path, introduction: Event | None, *, waits: bool
) -> None:
    microphone = Microphone(tmp_path / "mic", introduction, waits_to_run=waits)
    home = Home(f"wyoming:{microphone.uri}", model_directory)
    async with microphone.running(), home.listening():
        handler = await came(microphone)
        await handler.write_event(START)
        await home.becomes(State.LISTENING)
        await say(handler, "hey-kitchen-rms")
        await home.hears("hey kitchen")
        await say(handler, "stop-slt")
        await home.hears("stop")
        assert microphone.told[0] == Describe().event()


async def test_muting_hangs_up_and_unmuting_calls_again(tmp_path: Path, model_directory: Path) -> None:
    microphone = Microphone(tmp_path / "mic", A_SATELLITE, waits_to_run=True)
    home = Home(f"wyoming:{microphone.uri}", model_directory)
    async with microphone.running(), home.listening():
        for _ in range(2):
            await came(microphone)
            await home.becomes(State.LISTENING)
            home.ear.mute(on=True)
            await asyncio.wait_for(microphone.left.get(), PATIENCE_S)
            await home.becomes(State.MUTED)
            assert microphone.came.empty()
            home.ear.mute(on=False)
        await say(await came(microphone), "stop-rms")
        await home.becomes(State.LISTENING)
        await home.hears("stop")


async def test_a_satellite_that_restarts_is_lost_once_and_found(
    tmp_path: Path, model_directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = Home(f"wyoming:{tmp_path}/mic", model_directory)
    async with home.listening():
        await home.becomes(State.LOST)
        microphone = Microphone(tmp_path / "mic", A_SATELLITE, waits_to_run=True)
        async with microphone.running():
            await came(microphone)
            await home.becomes(State.LISTENING)
        await home.becomes(State.LOST)
        microphone = Microphone(tmp_path / "mic", A_SATELLITE, waits_to_run=True)
        async with microphone.running():
            await say(await came(microphone), "stop-rms")
            await home.becomes(State.LISTENING)
            await home.hears("stop")
            told = [record.getMessage() for record in caplog.records]
    assert ["lost" if "lost" in text else "back" for text in told] == ["lost", "back", "lost", "back"]
    assert str(tmp_path) in told[0]


async def test_a_microphone_that_answers_and_sends_nothing_any_more_is_lost_until_it_is_heard(
    tmp_path: Path, model_directory: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What records for it hangs: it said that it listened for as long as the service ran."""
    microphone = Microphone(tmp_path / "mic", A_MICROPHONE, waits_to_run=False)
    home = Home(f"wyoming:{microphone.uri}", model_directory)
    async with microphone.running(), home.listening():
        await say(await came(microphone), "hey-kitchen-rms")
        await home.becomes(State.LISTENING)
        await home.hears("hey kitchen")
        with monkeypatch.context() as soon:
            for name in ("ANSWER_WITHIN_S", "ASK_AFTER_S", "LOST_AFTER_S"):
                soon.setattr(wyoming_source, name, 0.1)
            await home.becomes(State.LOST)
            for _ in range(3):  # it is tried again, and never said to listen meanwhile
                await came(microphone)
            assert home.events.empty()
        while not microphone.came.empty():
            microphone.came.get_nowait()
        await say(await came(microphone), "stop-rms")
        await home.becomes(State.LISTENING)
        await home.hears("stop")
    assert "sends no audio any more" in caplog.text


async def test_who_is_no_microphone_is_refused(tmp_path: Path) -> None:
    service = Microphone(tmp_path / "mic", A_WAKE_SERVICE, waits_to_run=True)
    async with service.running():
        with pytest.raises(MicrophoneError, match="no satellite and no microphone"):
            await asyncio.to_thread(WyomingSource(Address.parse(service.uri)).open)


async def test_who_says_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wyoming_source, "ANSWER_WITHIN_S", 0.05)
    monkeypatch.setattr(wyoming_source, "ASK_AFTER_S", 0.1)
    monkeypatch.setattr(wyoming_source, "LOST_AFTER_S", 0.4)
    silent = Microphone(tmp_path / "mic", None, waits_to_run=True)
    source = WyomingSource(Address.parse(silent.uri))
    async with silent.running():
        with pytest.raises(MicrophoneError, match="says nothing"):
            await asyncio.to_thread(source.open)
        silent.introduction = A_SATELLITE
        await asyncio.to_thread(source.open)
        for _ in range(8):  # silent for long, but it answers when it is asked
            assert await asyncio.to_thread(source.read) == b""
        silent.introduction = None
        with pytest.raises(MicrophoneError, match="says nothing any more"):
            await asyncio.to_thread(lambda: [source.read() for _ in range(8)])
        source.close()


def test_who_cannot_be_reached_is_lost() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(MicrophoneError, match="refused") as caught:
        WyomingSource(address).open()
    assert "Check that it runs" in caught.value.next_step


@pytest.fixture
def door() -> Iterator[WyomingDoor]:
    source = WyomingDoor(Address("127.0.0.1", 0))
    source.open()
    yield source
    source.close()


def uri_of(door: WyomingDoor) -> str:
    return f"tcp://127.0.0.1:{door.port}"


def read_until(door: WyomingDoor, wanted: bytes) -> bytes:
    """Read until as much as `wanted` was heard."""
    heard = b""
    while len(heard) < len(wanted):
        heard += door.read()
    return heard


async def test_whoever_connects_is_heard_and_then_silence_follows(door: WyomingDoor) -> None:
    pcm = read_wav(Path(__file__).parents[3] / "speech" / "stop-rms.wav")
    assert door.read() == b""
    async with AsyncClient.from_uri(uri_of(door)) as satellite:
        await tell(satellite, Describe().event(), Ping(text="1").event(), *spoken("stop-rms"))
        assert await asyncio.to_thread(read_until, door, pcm) == pcm
        assert Info.from_event(await answer(satellite)) == Info()
        assert Pong.from_event(await answer(satellite)).text == "1"
    hushed_s = 0.0
    while not door.read():
        pass
    while door.read() == SILENCE:
        hushed_s += 0.1
    assert hushed_s == pytest.approx(HUSH_S - 0.1, abs=0.11)


async def test_one_is_heard_at_a_time(door: WyomingDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = b"\x01\x00" * 1600, b"\x02\x00" * 1600
    async with AsyncClient.from_uri(uri_of(door)) as one, AsyncClient.from_uri(uri_of(door)) as other:
        await tell(one, *chunks(first))
        assert await asyncio.to_thread(read_until, door, first) == first
        await tell(other, *chunks(second), Ping().event())
        answered = asyncio.create_task(other.read_event())
        while not answered.done():  # then the audio before the ping was taken too
            assert await asyncio.to_thread(door.read) == b""
        monkeypatch.setattr(wyoming_door, "TURN_S", 0.0)
        await tell(other, *chunks(second))
        assert await asyncio.to_thread(read_until, door, second) == second


async def test_audio_that_comes_too_fast_is_dropped_from_its_oldest_and_told(
    door: WyomingDoor, caplog: pytest.LogCaptureFixture
) -> None:
    last = b"\x03\x00" * 1600
    new = b"\x01\x00" * (round(16_000 * KEPT_S) - 1600) + last
    async with AsyncClient.from_uri(uri_of(door)) as satellite:
        sending = asyncio.create_task(tell(satellite, *chunks(b"\x02\x00" * 16_000 * 30 + new)))
        heard = b""
        while not heard.endswith(last):
            heard += await asyncio.to_thread(door.read)
        await sending
    assert heard.endswith(new)
    assert len(heard) < len(new) + 30 * 32_000
    assert [record.getMessage().split(":")[0] for record in caplog.records[:1]] == [
        "Audio comes faster than it is recognised"
    ]
    assert "after dropping" in caplog.records[-1].getMessage()


async def test_who_breaks_the_protocol_is_sent_away_and_the_others_are_heard(
    door: WyomingDoor, caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncClient.from_uri(uri_of(door)) as satellite:
        await tell(satellite, Ping().event())
        ill = [socket.create_connection(("127.0.0.1", door.port)) for _ in range(2)]
        for each in ill:
            each.sendall(b"GET / HTTP/1.1\r\n\r\n")
        ended = asyncio.gather(*(asyncio.to_thread(each.recv, 1) for each in ill))
        while not ended.done():
            await asyncio.to_thread(door.read)
        assert await ended == [b"", b""]
        for each in ill:
            each.close()
        await tell(satellite, *chunks(b"\x01\x00" * 1600))
        assert await asyncio.to_thread(read_until, door, bytes(3200)) == b"\x01\x00" * 1600
    assert len(caplog.records) == 1


def test_too_many_connections_cost_the_quietest_its_place_but_not_who_speaks(
    door: WyomingDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect() -> socket.socket:
        connected = socket.create_connection(("127.0.0.1", door.port))
        connected.settimeout(PATIENCE_S)
        door.read()
        return connected

    there = [connect() for _ in range(MOST_PEERS)]
    refused = connect()
    assert refused.recv(1) == b""
    monkeypatch.setattr(wyoming_door, "TURN_S", 0.0)
    newcomer = connect()
    assert there[0].recv(1) == b""
    newcomer.sendall(PING)
    door.read()
    assert b"pong" in newcomer.recv(2000)
    for connected in (*there, refused, newcomer):
        connected.close()


def test_a_flood_from_one_address_keeps_no_satellite_of_another_out(
    door: WyomingDoor, caplog: pytest.LogCaptureFixture
) -> None:
    """It holds every place with bytes that never become a message."""

    def connect(host: str) -> socket.socket:
        connected = socket.create_connection(("127.0.0.1", door.port), PATIENCE_S, (host, 0))
        door.read()
        return connected

    flood = [connect("127.0.0.2") for _ in range(MOST_PEERS)]
    for each in flood:
        each.sendall(b"{")
        door.read()
    satellites = [connect("127.0.0.3") for _ in range(2)]
    for satellite in satellites:
        satellite.sendall(PING)
        door.read()
        assert b"pong" in satellite.recv(2000)
    assert [each.recv(1) for each in flood[:2]] == [b"", b""]
    refused = [connect(host) for host in ("127.0.0.2", "127.0.0.3")]
    assert [each.recv(1) for each in refused] == [b"", b""]
    assert caplog.text.count("gives its place to another address") == 1
    for each in (*flood, *satellites, *refused):
        each.close()


async def test_a_satellite_that_comes_back_at_once_is_heard_at_once(door: WyomingDoor) -> None:
    first, second = b"\x01\x00" * 1600, b"\x02\x00" * 1600
    async with AsyncClient.from_uri(uri_of(door)) as one:
        await tell(one, *chunks(first))
        assert await asyncio.to_thread(read_until, door, first) == first
    async with AsyncClient.from_uri(uri_of(door)) as back:
        await tell(back, *chunks(second), Ping().event())
        answered, heard = asyncio.create_task(back.read_event()), b""
        while not answered.done():
            heard += await asyncio.to_thread(door.read)
        assert (heard + door.read())[: len(second)] == second


def test_who_asks_and_never_reads_is_sent_away(door: WyomingDoor, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_connection(("127.0.0.1", door.port)) as asking:
        asking.settimeout(0)
        while not caplog.records:
            with suppress(BlockingIOError, ConnectionError):
                asking.send(PING * 500)
            door.read()
    assert "does not take its answers" in caplog.text


async def test_while_closed_nobody_is_connected(door: WyomingDoor) -> None:
    async with AsyncClient.from_uri(uri_of(door)) as satellite:
        await tell(satellite, *chunks(b"\x01\x00" * 1600))
        assert await asyncio.to_thread(read_until, door, bytes(3200))
        port = door.port
        door.close()
        door.close()
        assert await asyncio.wait_for(satellite.read_event(), PATIENCE_S) is None
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        with pytest.raises(MicrophoneError, match="not open"):
            door.read()


async def test_audio_of_another_format_is_converted_and_may_change(door: WyomingDoor) -> None:
    stereo, high = b"\x01\x00\x03\x00" * 1600, b"\x00\x00\x02\x00" * 1600
    async with AsyncClient.from_uri(uri_of(door)) as satellite:
        await tell(satellite, *chunks(stereo, channels=2), *chunks(high, width=4))
        assert await asyncio.to_thread(read_until, door, bytes(6400)) == b"\x02\x00" * 3200


async def test_audio_of_another_rate_is_heard_as_of_ours(tmp_path: Path, model_directory: Path) -> None:
    try:
        Converter(48_000)
    except VoiceError as error:
        pytest.skip(str(error))
    satellite = Microphone(tmp_path / "mic", A_SATELLITE, waits_to_run=True)
    home = Home(f"wyoming:{satellite.uri}", model_directory)
    async with satellite.running(), home.listening():
        handler = await came(satellite)
        for event in chunks(three_times_the_rate("hey-kitchen-rms"), rate=48_000):
            await handler.write_event(event)
        await home.becomes(State.LISTENING)
        await home.hears("hey kitchen")


def three_times_the_rate(name: str) -> bytes:
    """Return speech at 48 kHz, each sample three times. What that adds above 8 kHz is the resampler's to remove."""
    samples = array("h", read_wav(Path(__file__).parents[3] / "speech" / f"{name}.wav"))
    return array("h", [sample for sample in samples for _ in range(3)]).tobytes()


def test_everybody_who_can_reach_it_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    source = WyomingDoor(Address("0.0.0.0", 0))  # noqa: S104  that is what the warning is about
    source.open()
    source.close()
    assert "knows no passwords" in caplog.text


def test_a_socket_that_cannot_be_removed_ends_nobody(tmp_path: Path) -> None:
    path = tmp_path / "ear"
    source = WyomingDoor(Address(path=str(path)))
    source.open()
    path.unlink()
    path.mkdir()
    source.close()
    with pytest.raises(MicrophoneError, match="cannot be awaited"):
        source.open()


def test_an_address_that_is_taken_is_told(tmp_path: Path) -> None:
    (tmp_path / "ear").write_text("")
    with pytest.raises(MicrophoneError, match="cannot be awaited"):
        WyomingDoor(Address(path=str(tmp_path / "ear"))).open()


@pytest.mark.parametrize(
    ("text", "kind"),
    [("wyoming:192.168.1.20:10700", WyomingSource), ("wyoming-in:unix:///run/ear", WyomingDoor)],
)
def test_a_setting_names_it(text: str, kind: type) -> None:
    assert isinstance(source_from(text), kind)
