"""Revoking by name: what there is, what it is called, and what takes it back."""

from pathlib import Path

import pytest

from edge_agent.fleet.signing.deny_list import denied, deny
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.revoke import lift_revocation, revoke, revoke_advertiser
from edge_agent.fleet.signing.signed_packs import manifests
from edge_agent.model.errors import FormatError, SettingsError
from edge_agent.packs.formats.documents import MAX_DOCUMENT_BYTES
from edge_agent.packs.formats.revocations import MAX_NAMES, MAX_REASON_CHARS, TARGET, Revocation, Revocations
from tests.fleets import SmallFleet


@pytest.fixture
def small(tmp_path: Path) -> SmallFleet:
    small = SmallFleet(tmp_path)
    small.sign()
    return small


def test_a_pack_that_is_no_longer_read_can_be_taken_back(tmp_path: Path) -> None:
    small = SmallFleet(tmp_path)
    small.sign()
    small.fleet.put("packs/acme/spring.json", b'{"v":1,"name":"spring","version":2}')
    small.fleet.commit(small.now)
    with pytest.raises(FormatError) as refused:
        list(manifests(small.fleet))
    assert "fleet revoke" in refused.value.next_step
    assert revoke(small.fleet, "spring", small.now) == "acme/spring"
    assert list(manifests(small.fleet)) == []


def test_a_creative_and_an_advertiser_are_listed_until_they_are_lifted(small: SmallFleet) -> None:
    assert revoke(small.fleet, "acme/spring/spring-poster", small.now, "Wrong price.") == "acme/spring/spring-poster"
    assert revoke_advertiser(small.fleet, "acme", small.now) == "acme"
    again = FleetRepository.open(small.fleet.directory)
    assert set(denied(again).revoked) == {"acme", "acme/spring/spring-poster"}
    assert "packs/acme/spring.json" in again.files, "it is signed, since the rest of it may play on"
    for name in ("acme", "acme/spring/spring-poster"):
        assert lift_revocation(again, name, small.now) == name
    assert denied(again).revoked == {}
    assert denied(again).version == 4


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("acme/spring/none", "acme/spring has no creative none"),
        ("acme/summer/poster", "acme/summer is not published"),
        ("summer", "summer is not published"),
    ],
    ids=["creative", "pack", "short"],
)
def test_what_is_not_there_is_said_with_what_is(small: SmallFleet, name: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        revoke(small.fleet, name, small.now)
    with pytest.raises(SettingsError, match="is not revoked"):
        lift_revocation(small.fleet, name, small.now)
    with pytest.raises(SettingsError, match="There is no advertiser bolt"):
        revoke_advertiser(small.fleet, "bolt", small.now)


def test_who_revokes_twice_hears_how_the_first_time_gets_to_the_broker(small: SmallFleet) -> None:
    assert revoke(small.fleet, "spring", small.now) == "acme/spring"
    with pytest.raises(SettingsError, match="spring is not published") as refused:
        revoke(small.fleet, "spring", small.now)
    assert "edge-agent fleet refresh" in refused.value.next_step


def test_a_list_has_bounds(small: SmallFleet) -> None:
    with pytest.raises(SettingsError, match="at most 200"):
        deny(small.fleet, "acme", small.now, "x" * (MAX_REASON_CHARS + 1))
    for number in range(MAX_NAMES):
        deny(small.fleet, f"a{number}", small.now)
    with pytest.raises(SettingsError, match="are revoked already"):
        deny(small.fleet, "acme", small.now)


def test_a_list_that_devices_would_not_read_is_not_signed(small: SmallFleet) -> None:
    why, room = Revocation(at=small.now, reason="x" * MAX_REASON_CHARS), range(MAX_NAMES)
    names = [f"acme/some-pack-{number:04}" for number in room]
    lists = (Revocations(version=7, revoked=dict.fromkeys(names[:count], why)) for count in room)
    full = [one for one in lists if len(one.to_bytes()) <= MAX_DOCUMENT_BYTES][-1]
    small.fleet.put(TARGET, full.to_bytes())
    with pytest.raises(SettingsError, match=r"would have 13\d{4} bytes; devices read 131072") as refused:
        revoke_advertiser(small.fleet, "acme", small.now, why.reason)
    assert "short reasons" in refused.value.next_step
    lift_revocation(small.fleet, names[0], small.now)
    assert len(denied(small.fleet).revoked) == len(full.revoked) - 1
