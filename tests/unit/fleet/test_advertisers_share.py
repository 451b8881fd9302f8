"""What devices would leave out of an advertiser's packs is told to whoever signs them, and nothing is signed."""

from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.fleet.publishing.handover import accept_bundle, write_signed
from edge_agent.fleet.signing.advertiser import AdvertiserFolder
from edge_agent.fleet.signing.keys import read_public_key
from edge_agent.fleet.signing.shares import refuse_past_share
from edge_agent.model.campaign import Campaign
from edge_agent.model.errors import FormatError
from edge_agent.packs.formats.manifest import MAX_BOOKED, Manifest, pack_target_name
from edge_agent.packs.shares import BLOCK_BYTES, SHARE_BOOKED, SHARE_BYTES
from tests.fleets import SmallFleet
from tests.shelf import line_item


def manifest(name: str, booked: int, *kinds: str, advertiser: str = "acme") -> Manifest:
    """Return a pack of one spoken creative, which is booked so often."""
    spoken = {"crid": "c", "format": "voice_mention", "dur": 5, "transcript": "Hello."}
    items = [line_item(f"item-{number}", ["c"]).model_dump() for number in range(booked)]
    campaign = Campaign.model_validate(
        {
            "id": name,
            "advertiser": advertiser,
            "name": name,
            "adomain": [f"{advertiser}.example"],
            "creatives": [spoken],
            "line_items": items,
        }
    )
    return Manifest(name=name, version=1, kinds=kinds, campaign=campaign)


def full(advertiser: str = "acme") -> list[Manifest]:
    return [manifest(f"p{number}", MAX_BOOKED, advertiser=advertiser) for number in range(SHARE_BOOKED // MAX_BOOKED)]


def test_what_is_booked_counts_for_each_kind_of_device_and_ends_exactly_where_devices_stop() -> None:
    one, tv, fridge = manifest("one", 1), manifest("tv", 1, "tv"), manifest("fridge", 1, "fridge", "speaker")
    packs = [(one, 500) for one in full()]
    refuse_past_share("acme", packs)
    refuse_past_share("acme", [*packs[1:], (manifest("p0", MAX_BOOKED - 1), 500), (tv, 500), (fridge, 500)])
    with pytest.raises(
        FormatError, match="acme's 9 packs for one device name 4097 creatives, and devices weigh 4096"
    ):
        refuse_past_share("acme", [*packs, (one, 500)])
    with pytest.raises(FormatError, match="acme's 9 packs for one tv name 4097 creatives"):
        refuse_past_share("acme", [*packs, (tv, 500), (fridge, 500)][:9])


def test_manifests_count_in_the_blocks_that_devices_count() -> None:
    one = manifest("one", 1)
    most = SHARE_BYTES // BLOCK_BYTES
    refuse_past_share("acme", [(one, BLOCK_BYTES)] * most)
    with pytest.raises(FormatError, match=rf"acme's {most} packs have manifests of 4\.00 MiB"):
        refuse_past_share("acme", [(one, BLOCK_BYTES)] * (most - 1) + [(one, BLOCK_BYTES + 1)])


def test_an_operator_signs_nothing_that_devices_would_leave_out(tmp_path: Path) -> None:
    fleet = SmallFleet(tmp_path)
    for own in full():
        fleet.fleet.put(own.target_name, own.to_bytes())
    fleet.fleet.commit(fleet.now)
    before = fleet.fleet.timestamp.version
    with pytest.raises(FormatError, match="4097 creatives") as refused:
        fleet.sign("spring")
    assert "fleet revoke" in refused.value.next_step
    assert fleet.fleet.timestamp.version == before
    assert pack_target_name("acme", "spring") not in fleet.fleet.files
    fleet.add_advertiser("bolt")
    fleet.sign("boots", advertiser="bolt")
    fleet.fleet.remove(pack_target_name("acme", "p0"))
    fleet.sign("spring")


def test_a_bundle_with_which_its_advertiser_has_too_much_is_refused_whole(tmp_path: Path) -> None:
    operator = SmallFleet(tmp_path / "operator")
    bolt = AdvertiserFolder.create(tmp_path / "bolt", "bolt")
    operator.fleet.add_advertiser("bolt", [read_public_key(bolt.public_key)])
    operator.fleet.commit(operator.now)
    for own in [*full("bolt"), manifest("one", 1, advertiser="bolt")]:
        bolt.put(own.target_name, own.to_bytes())
    bolt.commit(operator.now)
    write_signed(bolt, tmp_path / "bolt.bundle", *map("bolt/p{}".format, range(8)), "bolt/one")
    with pytest.raises(FormatError, match="bolt's 9 packs for one device name 4097 creatives"):
        accept_bundle(operator.fleet, tmp_path / "bolt.bundle", operator.now)
    assert operator.fleet.role_metadata("packs-bolt") is None
    bolt.remove(pack_target_name("bolt", "one"))
    bolt.commit(operator.now + timedelta(seconds=1))
    write_signed(bolt, tmp_path / "bolt.bundle", *map("bolt/p{}".format, range(8)))
    assert len(accept_bundle(operator.fleet, tmp_path / "bolt.bundle", operator.now).packs) == 8
