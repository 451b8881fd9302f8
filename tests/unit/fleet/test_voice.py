"""The words of a model become a signed document and chunks; the network stays where it is."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.fleet.publishing.broker import BrokerAddress
from edge_agent.fleet.publishing.garbage import find_garbage
from edge_agent.fleet.publishing.send import current_messages
from edge_agent.fleet.signing.config import push_config
from edge_agent.fleet.signing.revoke import revoke_advertiser
from edge_agent.fleet.signing.spoken import published_phrases
from edge_agent.fleet.signing.voice import sign_voice, withdraw_voice
from edge_agent.fleet.signing.voice_packs import voice_packs
from edge_agent.model.errors import SettingsError, VoiceError
from edge_agent.packs.source import chunk_topic
from edge_agent.voice.fitting import base_hash
from edge_agent.voice.models import packaged_models
from edge_agent.voice.phrases.adding import make_model, plan_phrases
from tests.fleets import SmallFleet, silent

NOW = datetime.now(UTC)
PACKAGED = packaged_models()["en"]


@pytest.fixture
def fleet(tmp_path: Path) -> SmallFleet:
    return SmallFleet(tmp_path / "operator")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model whose phrase needs no new word, so that nothing has to be compiled."""
    return make_model(plan_phrases(PACKAGED, ["hey kitchen"]), tmp_path / "model").directory


def test_only_words_are_signed_and_every_chunk_is_sent(fleet: SmallFleet, model: Path) -> None:
    (model / "beside.json").write_text("{}")
    signed = sign_voice(fleet.fleet, model, NOW, silent)
    assert (signed.name, signed.version, signed.phrases) == ("config/voice/en.json", 1, ("hey kitchen",))
    (pack,) = voice_packs(fleet.fleet)
    assert pack.base == base_hash(PACKAGED)
    assert {
        "graph/HCLr.fst",
        "graph/Gr.fst",
        "graph/words.txt",
        "graph/lexicon.txt",
        "beside.json",
    } <= pack.files.keys()
    assert not [name for name in pack.files if name.startswith(("am/", "conf/"))]
    assert pack.total_bytes < 850_000, "it travels compressed"
    topics = current_messages(fleet.fleet)
    assert all(chunk_topic(chunk.sha256) in topics for asset in pack.assets.values() for chunk in asset.chunks)


def test_the_same_words_are_signed_once_and_others_are_the_next_version(fleet: SmallFleet, model: Path) -> None:
    sign_voice(fleet.fleet, model, NOW, silent)
    again = sign_voice(fleet.fleet, model, NOW, silent)
    assert (again.version, again.changed) == (1, False)
    (model / "beside.json").write_text("{}")
    other = sign_voice(fleet.fleet, model, NOW, silent)
    assert (other.version, other.changed) == (2, True)


def test_a_voice_pack_is_taken_back(fleet: SmallFleet, model: Path) -> None:
    sign_voice(fleet.fleet, model, NOW, silent)
    assert withdraw_voice(fleet.fleet, "en", NOW) == "config/voice/en.json"
    assert list(voice_packs(fleet.fleet)) == []
    with pytest.raises(SettingsError, match="Nothing is published"):
        withdraw_voice(fleet.fleet, "en", NOW)


def test_a_model_that_lacks_its_words_is_not_signed(fleet: SmallFleet, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(PACKAGED, broken)
    (broken / "graph" / "HCLr.fst").unlink()
    with pytest.raises(VoiceError, match=r"lacks HCLr\.fst"):
        sign_voice(fleet.fleet, broken, NOW, silent)
    assert list(voice_packs(fleet.fleet)) == []


def test_what_a_fleet_listens_for_is_known_to_whoever_adds_a_phrase(
    fleet: SmallFleet, model: Path, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[voice]\nwake_phrases = ["hey kitchen", "okay garden"]\n')
    push_config(fleet.fleet, "config/fleet.json", file, NOW)
    sign_voice(fleet.fleet, model, NOW, silent)
    fleet.sign()
    revoke_advertiser(fleet.fleet, "acme", NOW)  # its list is signed by the same key, and is no configuration
    assert list(published_phrases(fleet.fleet)) == ["hey kitchen", "okay garden"]


def test_clearing_away_what_nothing_needs_leaves_the_words_that_are_published(fleet: SmallFleet, model: Path) -> None:
    sign_voice(fleet.fleet, model, NOW, silent)
    garbage = find_garbage(fleet.fleet, BrokerAddress(), keep=0)
    (pack,) = voice_packs(fleet.fleet)
    needed = {fleet.fleet.chunk_path(chunk.sha256) for asset in pack.assets.values() for chunk in asset.chunks}
    assert needed
    assert not needed & set(garbage.files)
    withdraw_voice(fleet.fleet, "en", NOW)
    assert needed <= set(find_garbage(fleet.fleet, BrokerAddress(), keep=0).files)
