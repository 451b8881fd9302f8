"""What may be set from afar, and that a bad configuration never outlives its trial."""

import json
from pathlib import Path

import pytest

from edge_agent.model.errors import SettingsError, StorageError
from edge_agent.settings.remote import Refusal, RemoteShelf, parse_remote, settable


def document(**sections: object) -> bytes:
    return json.dumps({"v": 1, "version": 3, **sections}).encode()


def test_what_may_be_set_is_read_with_its_version() -> None:
    version, layer = parse_remote("config/fleet.json", document(placements={"max_per_hour": 1}))
    assert version == 3
    assert layer == {"placements": {"max_per_hour": 1}}


def test_nothing_that_decides_trust_identity_or_reach_can_be_set_from_afar() -> None:
    allowed = settable()
    assert "mqtt" not in allowed
    assert "debug" not in allowed
    assert "render" not in allowed
    assert "root_json" not in allowed["packs"]
    assert "epsilon" not in allowed["measure"], "the privacy of reports is not the operator's to lower"
    assert "source" not in allowed["voice"], "nobody switches a microphone on from afar"
    assert "consent" not in allowed


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"not json", "not JSON"),
        (b"[" * 100_000, "larger|not JSON"),
        (document(voice={"wake_phrases": ["hey glowbar \ud800"]}), "not JSON"),
        (b"[]", "format 1"),
        (json.dumps({"v": 2, "version": 1}).encode(), "format 1"),
        (json.dumps({"v": 1}).encode(), "version"),
        (json.dumps({"v": 1, "version": -5}).encode(), "whole number from 1"),
        (json.dumps({"v": 1, "version": 2**53}).encode(), "to 9007199254740991"),
        (json.dumps({"v": 1, "version": True}).encode(), "version"),
        (document(mqtt={"host": "evil.example"}), "mqtt"),
        (document(debug={"port": 1}), "debug"),
        (document(resident={"consent": True}), "resident"),
        (document(voice={"source": "mic"}), "voice.source"),
        (document(packs={"root_json": "/tmp/x"}), "packs.root_json"),
        (document(placements=7), "placements"),
        (b" " * 70_000, "larger"),
    ],
)
def test_what_may_not_be_set_is_refused_with_its_name(content: bytes, names: str) -> None:
    with pytest.raises(SettingsError, match=names):
        parse_remote("config/fleet.json", content)


def test_a_confirmed_trial_is_the_last_good_one_even_after_a_restart(tmp_path: Path) -> None:
    documents = {"config/fleet.json": "{}"}
    shelf = RemoteShelf(tmp_path)
    shelf.adopt(documents)
    shelf.confirm()
    assert RemoteShelf(tmp_path).good() == documents
    assert RemoteShelf(tmp_path).unconfirmed() == {}


def test_a_trial_that_was_never_confirmed_is_found_at_the_next_start(tmp_path: Path) -> None:
    RemoteShelf(tmp_path).adopt({"config/fleet.json": "{}"})
    assert RemoteShelf(tmp_path).unconfirmed() == {"config/fleet.json": "{}"}


def test_what_was_rolled_back_is_not_tried_again_and_the_good_one_stays(tmp_path: Path) -> None:
    shelf = RemoteShelf(tmp_path)
    shelf.adopt({"a": "1"})
    shelf.confirm()
    shelf.adopt({"a": "2"})
    shelf.roll_back("It cannot be heard.")
    assert shelf.good() == {"a": "1"}
    assert shelf.unconfirmed() == {}
    again = RemoteShelf(tmp_path)
    assert again.refusal({"a": "2"}) == Refusal("rolled_back", "It cannot be heard.")
    assert again.refusal({"a": "3"}) is None


def test_what_was_refused_is_remembered_by_its_exact_content(tmp_path: Path) -> None:
    refusal = Refusal("refused", "mqtt cannot be set from afar.")
    RemoteShelf(tmp_path).refuse({"config/fleet.json": "{}"}, refusal)
    again = RemoteShelf(tmp_path)
    assert again.refusal({"config/fleet.json": "{}"}) == refusal
    assert again.refusal({"config/fleet.json": "{ }"}) is None
    assert again.refusal({}) is None, "no configuration at all is never refused"
    (tmp_path / "refused.json").write_text("damaged", encoding="utf-8")
    assert again.refusal({"config/fleet.json": "{}"}) is None


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "remote").write_text("a file in the folder's place", encoding="utf-8")
    shelf = RemoteShelf(tmp_path / "remote")
    assert shelf.good() == {}
    with pytest.raises(StorageError, match="remote"):
        shelf.adopt({"a": "1"})
    with pytest.raises(StorageError, match="remote"):
        shelf.refuse({"a": "1"}, Refusal("refused", "No."))
