"""A root that several people sign in steps, each on a machine of their own; and what keeps a wrong one away."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.fleet.key_status import role_statuses
from edge_agent.fleet.signing.keys import make_key_pair, read_private_key, read_public_key
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.root_proposal import (
    PENDING,
    pending_proposal,
    read_proposal,
    refuse_untrusted,
    sign_proposal,
    write_proposal,
)
from edge_agent.fleet.signing.rotation import adopt_root, change_keys, rotate_key
from edge_agent.model.errors import FormatError, SettingsError
from tests.fleets import Device, MemorySource, SmallFleet

HOLDERS = ("ada", "ben", "eve")


class Board:
    """A fleet whose root three people hold of whom two have to sign; none of their keys is in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.small = SmallFleet(folder / "operator")
        self.now = self.small.now
        self.directory = self.small.fleet.directory
        for name in HOLDERS:
            _, public = make_key_pair(folder / name, name)
            change_keys(self.small.fleet, "root", self.now, add=read_public_key(public))
        self.small.fleet.keys.others = tuple(folder / name for name in HOLDERS)
        change_keys(self.small.fleet, "root", self.now, threshold=2)
        first = self.small.fleet.keys.signer("root").public_key.keyid
        change_keys(self.small.fleet, "root", self.now, drop=first)
        self.small.fleet.keys.others = ()
        (self.directory / "keys" / "root.pem").unlink()

    @property
    def fleet(self) -> FleetRepository:
        self.small.fleet = FleetRepository.open(self.directory)
        return self.small.fleet

    @property
    def pending(self) -> Path:
        return self.directory / PENDING

    def copy(self, name: str) -> Path:
        """Give one holder a copy of what is proposed."""
        path = self.folder / name / PENDING
        path.write_bytes(self.pending.read_bytes())
        return path

    def sign(self, name: str, path: Path | None = None) -> Path:
        """Let one holder sign a copy, as `keys sign-root` does."""
        path = path or self.copy(name)
        found = read_proposal(path)
        sign_proposal(found, read_private_key(self.folder / name / f"{name}.pem"), self.now)
        write_proposal(path, found)
        return path

    def keyid(self, name: str) -> str:
        return read_public_key(self.folder / name / f"{name}.pub").keyid


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
async def test_devices_follow_a_root_that_two_holders_signed_far_from_the_fleet(board: Board, role: str) -> None:
    source = MemorySource()
    board.small.sign()
    board.small.put_into(source)
    async with Device(board.folder / "tv", board.small.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        before = board.fleet.root_version
        rotate_key(board.fleet, role, board.now, propose=True)
        assert board.fleet.root_version == before, "a proposal changes nothing"
        assert adopt_root(board.fleet, [board.sign("ada"), board.sign("eve")], board.now) == before + 1
        assert not board.pending.exists()
        board.small.fleet = board.fleet
        board.small.sign("summer")
        board.small.put_into(source)
        await device.until(lambda: device.playable() == {"acme/spring": 1, "acme/summer": 1})
        assert device.shelf.status().root_version == before + 1


def test_one_file_may_go_from_hand_to_hand(board: Board) -> None:
    change_keys(board.fleet, "root", board.now, drop=board.keyid("eve")[:8], propose=True)
    path = board.sign("ada")
    with pytest.raises(SettingsError, match="1 of 2 of the root before it and 1 of 2 of its own"):
        adopt_root(board.fleet, [path], board.now)
    adopt_root(board.fleet, [board.sign("ben", path)], board.now)
    assert set(board.fleet.root.roles["root"].keyids) == {board.keyid("ada"), board.keyid("ben")}


def test_what_came_so_far_is_kept_and_status_says_who_is_missing(board: Board) -> None:
    rotate_key(board.fleet, "timestamp", board.now, propose=True)
    assert "signed by nobody" in role_statuses(board.fleet, board.now)[0].proposal
    with pytest.raises(SettingsError) as refused:
        adopt_root(board.fleet, [board.sign("ada")], board.now)
    assert board.keyid("ben")[:8] in str(refused.value)
    said = role_statuses(board.fleet, board.now)[0].proposal
    assert f"is signed by {board.keyid('ada')[:8]} (" in said
    assert said.endswith(f"missing among {', '.join(sorted(board.keyid(name)[:8] for name in ('ben', 'eve')))}.")
    adopt_root(board.fleet, [board.sign("eve")], board.now)
    assert role_statuses(board.fleet, board.now)[0].proposal == ""


def test_the_same_holder_twice_is_one_signature(board: Board) -> None:
    rotate_key(board.fleet, "timestamp", board.now, propose=True)
    path = board.sign("ada")
    assert not sign_proposal(read_proposal(path), read_private_key(board.folder / "ada/ada.pem"), board.now)
    with pytest.raises(SettingsError, match="1 of 2"):
        adopt_root(board.fleet, [path, board.sign("ada")], board.now)
    value = json.loads(path.read_bytes())
    value["proposed"]["signatures"] *= 2
    path.write_text(json.dumps(value))
    with pytest.raises(FormatError, match="two signatures of one key"):
        adopt_root(board.fleet, [path], board.now)


def test_one_key_under_two_ids_is_one_signature(board: Board) -> None:
    """TUF lets a key's id be anything: the threshold counts keys, not ids."""
    rotate_key(board.fleet, "timestamp", board.now, propose=True)
    value = json.loads(board.pending.read_bytes())
    for part in ("before", "proposed"):
        signed = value[part]["signed"]
        signed["keys"]["another"] = signed["keys"][board.keyid("ada")]
        signed["roles"]["root"]["keyids"].append("another")
    board.pending.write_text(json.dumps(value))
    path = board.sign("ada")
    value = json.loads(path.read_bytes())
    value["proposed"]["signatures"].append(value["proposed"]["signatures"][0] | {"keyid": "another"})
    path.write_text(json.dumps(value))
    assert [len(part.signed) for part in read_proposal(path).signatures()] == [1, 1]
    with pytest.raises(SettingsError, match="1 of 2"):
        adopt_root(board.fleet, [path], board.now)


def test_what_is_altered_between_signers_is_noticed_by_the_next_and_by_the_fleet(board: Board) -> None:
    rotate_key(board.fleet, "timestamp", board.now, propose=True)
    path = board.sign("ada")
    value = json.loads(path.read_bytes())
    value["proposed"]["signed"]["roles"]["root"]["threshold"] = 1
    path.write_text(json.dumps(value))
    altered = f"was altered after {board.keyid('ada')[:8]} signed it"
    with pytest.raises(FormatError, match=altered):
        board.sign("ben", path)
    with pytest.raises(FormatError, match=altered):
        adopt_root(board.fleet, [path], board.now)


def test_what_was_altered_before_anybody_signed_is_not_what_the_fleet_proposed(board: Board) -> None:
    rotate_key(board.fleet, "timestamp", board.now, propose=True)
    path, version = board.copy("ada"), board.fleet.root_version
    value = json.loads(path.read_bytes())
    value["proposed"]["signed"]["roles"]["root"]["threshold"] = 1
    path.write_text(json.dumps(value))
    board.sign("ben", board.sign("ada", path))
    with pytest.raises(FormatError, match="is not what this fleet proposed"):
        adopt_root(board.fleet, [path], board.now)
    assert board.fleet.root_version == version


def test_a_holder_sees_what_would_change_and_compares_it_with_the_root_that_is_known(board: Board) -> None:
    change_keys(board.fleet, "root", board.now, threshold=3, propose=True)
    found = read_proposal(board.pending)
    assert found.changes()[0] == "root: 3 have to sign instead of 2."
    known = board.directory / "metadata" / f"{board.fleet.root_version}.root.json"
    refuse_untrusted(found, known)
    with pytest.raises(SettingsError, match="does not follow the root in"):
        refuse_untrusted(found, board.directory / "root.json")


def test_a_key_that_does_not_count_signs_nothing(board: Board) -> None:
    rotate_key(board.fleet, "timestamp", board.now, propose=True)
    private, _ = make_key_pair(board.folder / "mallory", "mallory")
    with pytest.raises(SettingsError, match="counts for no root here"):
        sign_proposal(read_proposal(board.pending), read_private_key(private), board.now)


def test_an_expired_proposal_is_neither_signed_nor_adopted(board: Board) -> None:
    rotate_key(board.fleet, "timestamp", board.now, propose=True)
    copies, late = [board.sign("ada"), board.sign("ben")], board.now + timedelta(days=3651)
    with pytest.raises(SettingsError, match="has expired on"):
        sign_proposal(read_proposal(copies[0]), read_private_key(board.folder / "eve/eve.pem"), late)
    with pytest.raises(SettingsError, match="has expired on"):
        adopt_root(board.fleet, copies, late)


def test_a_proposal_that_something_else_overtook_is_refused(board: Board) -> None:
    rotate_key(board.fleet, "timestamp", board.now, propose=True)
    copies = [board.sign("ada"), board.sign("ben")]
    fleet = board.fleet
    fleet.keys.others = tuple(board.folder / name for name in HOLDERS)
    rotate_key(fleet, "snapshot", board.now)
    with pytest.raises(SettingsError, match="was proposed, and version"):
        adopt_root(board.fleet, copies, board.now)


def test_one_proposal_at_a_time_and_only_of_what_the_root_says(board: Board) -> None:
    with pytest.raises(SettingsError, match="no proposed root"):
        adopt_root(board.fleet, [], board.now)
    with pytest.raises(SettingsError, match="says nothing about config"):
        rotate_key(board.fleet, "config", board.now, propose=True)
    rotate_key(board.fleet, "timestamp", board.now, propose=True)
    with pytest.raises(SettingsError, match="is proposed already"):
        change_keys(board.fleet, "root", board.now, threshold=3, propose=True)


def test_a_new_key_that_was_lost_meanwhile_stops_the_adoption_before_it_counts(board: Board) -> None:
    rotate_key(board.fleet, "timestamp", board.now, propose=True)
    (board.directory / "keys" / "timestamp.next.pem").unlink()
    version = board.fleet.root_version
    with pytest.raises(SettingsError, match="names for it, and 0 of them are here"):
        adopt_root(board.fleet, [board.sign("ada"), board.sign("ben")], board.now)
    assert board.fleet.root_version == version
    assert pending_proposal(board.directory) is not None


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b'{"v": 1, "before": {}, "proposed": {}}', b"\xff"],
    ids=["empty", "object", "parts", "bytes"],
)
def test_garbage_is_no_proposal(tmp_path: Path, content: bytes) -> None:
    (tmp_path / PENDING).write_bytes(content)
    with pytest.raises(FormatError):
        read_proposal(tmp_path / PENDING)
