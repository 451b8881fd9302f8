"""What becomes of a voice pack's room when it was never fit to be heard."""

import asyncio
import json
from pathlib import Path

from edge_agent.packs.formats.voice_pack import voice_target
from edge_agent.settings.rooms import VoiceSettings
from edge_agent.troubles import Troubles
from edge_agent.voice.fitting import base_hash
from edge_agent.voice.models import Model, packaged_models
from edge_agent.wiring.voice_packs import Reach, VoicePacks
from tests.fleets import Device, SmallFleet, random_bytes
from tests.unit.packs.test_voice_pack import document


async def hear_with(_model: Model) -> None:
    """Nobody listens."""


async def test_a_voice_pack_that_was_refused_and_is_withdrawn_gives_its_room_back(tmp_path: Path) -> None:
    fleet = SmallFleet(tmp_path / "operator")
    no_graph = document(fleet, random_bytes(50_000)) | {"base": base_hash(packaged_models()["en"])}
    settings, troubles, name = VoiceSettings(models_directory=tmp_path / "models"), Troubles(), voice_target("en")
    async with Device(tmp_path / "tv", fleet.root_json, fleet.published()) as device:
        reach = Reach(lambda: settings, lambda: device.shelf, hear_with, lambda: None)
        packs = VoicePacks(reach, troubles)
        running = asyncio.create_task(packs.run())
        await device.shelf.loaded.wait()  # nobody is told of a document before that
        packs.document_changed(name, json.dumps(no_graph).encode())
        await device.until(lambda: "voice pack" in troubles.lasting)
        assert "lacks" in troubles.lasting["voice pack"].what
        assert list((tmp_path / "tv" / "assets").iterdir())
        packs.document_changed(name, None)
        await device.until(lambda: not troubles.lasting)
        await device.shelf._supply.evict()
        assert not list((tmp_path / "tv" / "assets").iterdir())
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
