"""The server as the agent has it: begun where an address is named, told of where it cannot be."""

import asyncio
import socket
from datetime import timedelta
from pathlib import Path

import pytest
from wyoming.client import AsyncClient
from wyoming.info import Describe, Info
from wyoming.wake import Detect, Detection

from edge_agent.settings.rooms import VoiceSettings, WyomingSettings
from edge_agent.troubles import Troubles
from edge_agent.voice.dialogue import SPOKEN
from edge_agent.voice.fitting import fit, tidy, use
from edge_agent.voice.models import check_model
from edge_agent.voice.wyoming.protocol import Address
from edge_agent.voice.wyoming.server import WyomingServer
from edge_agent.voice.wyoming.service import WyomingService, engine_for
from tests.unit.voice.test_fitting import PACKAGED, brought
from tests.wyoming_peers import PATIENCE_S, answer, spoken, tell


def settings(model: Path, uri: str, *, phrases: tuple[str, ...] = ()) -> VoiceSettings:
    wyoming = WyomingSettings(uri=uri, phrases=phrases)
    return VoiceSettings(model=model, wake_phrases=("hey kitchen", "stop"), wyoming=wyoming)


class Told(asyncio.Event):
    """Set whenever the troubles change."""

    def __init__(self) -> None:
        super().__init__()
        self.troubles = Troubles(changed=self.set)

    async def changed(self) -> None:
        await asyncio.wait_for(self.wait(), PATIENCE_S)
        self.clear()


async def test_without_an_address_there_is_nothing_to_do() -> None:
    await WyomingService(VoiceSettings()).run()


async def test_a_device_offers_its_own_phrases_what_was_added_and_the_commands(
    tmp_path: Path, model_directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    uri = f"unix://{tmp_path}/ear"
    (tmp_path / "ear").touch()  # in the way for now
    told = Told()
    service = WyomingService(
        settings(model_directory, uri, phrases=("living room", "xqzzyk")),
        troubles=told.troubles,
        retry=timedelta(milliseconds=10),
    )
    running = asyncio.create_task(service.run())
    await told.changed()
    assert "cannot use" in told.troubles.lasting["wyoming"].what
    (tmp_path / "ear").unlink()
    await told.changed()
    assert not told.troubles.lasting
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(Describe().event())
        info = Info.from_event(await answer(client))
    running.cancel()
    await asyncio.wait([running])
    assert [wake.phrase for wake in info.wake[0].models] == ["hey kitchen", "stop"]
    commands = {phrase for phrases in SPOKEN["en"].values() for phrase in phrases}
    expected = len({"hey kitchen", "stop", "living room"} | commands)
    assert f"one of {expected} known phrases" in str(info.asr[0].description)
    assert 'Wyoming clients cannot use a phrase. The phrase "xqzzyk"' in caplog.text


@pytest.mark.parametrize(("uri", "what"), [("tcp://x", "no address"), ("unix:///x", "no speech model")])
async def test_what_can_never_work_is_one_trouble_and_the_agent_goes_on(tmp_path: Path, uri: str, what: str) -> None:
    told = Told()
    await WyomingService(settings(tmp_path, uri), troubles=told.troubles).run()
    assert what in told.troubles.lasting["wyoming"].what


async def test_a_port_that_is_taken_is_one_trouble(model_directory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = Told()
        service = WyomingService(
            settings(model_directory, f"tcp://127.0.0.1:{taken.getsockname()[1]}"), troubles=told.troubles
        )
        running = asyncio.create_task(service.run())
        await told.changed()
        running.cancel()
        await asyncio.wait([running])
    assert "in use" in told.troubles.lasting["wyoming"].what


async def test_a_server_of_its_own_takes_up_the_words_that_the_agent_beside_it_was_brought(tmp_path: Path) -> None:
    """The agent removes the folder that the words were in before."""
    base, place = check_model(PACKAGED), tmp_path / "models" / "fitted"

    def bring(content: bytes) -> str:
        fitted = fit(base, brought(tmp_path / "pack", {"beside.json": content}), place)
        use(base, fitted, place)
        tidy(place, fitted)
        return fitted.name

    async def used_by(uri: str) -> str:
        async with AsyncClient.from_uri(uri) as client:
            await tell(client, Detect(names=["hey_kitchen"]).event(), *spoken("hey-kitchen-rms"))
            assert Detection.is_type((await answer(client)).type)
            await client.write_event(Describe().event())
            return Info.from_event(await answer(client)).asr[0].models[0].name

    names = [bring(b"1")]
    engine = engine_for(VoiceSettings(wake_phrases=("hey kitchen",), models_directory=place.parent))
    async with WyomingServer(engine).listening(Address.parse(f"unix://{tmp_path}/ear")) as taken:
        heard = [await used_by(str(taken))]
        names.append(bring(b"2"))
        heard.append(await used_by(str(taken)))
    assert heard == names
