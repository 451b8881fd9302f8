"""The operator's side: keys that are never overwritten, versions that only grow, and names that have one owner."""

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.fleet.provision import create_fleet
from edge_agent.fleet.publishing.broker import parse_broker
from edge_agent.fleet.publishing.send import current_messages
from edge_agent.fleet.reports.key_folder import opening_keys
from edge_agent.fleet.signing.config import config_target, push_config
from edge_agent.fleet.signing.keys import KeyFolder
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.revoke import revoke
from edge_agent.fleet.signing.signed_packs import manifests
from edge_agent.measure.report_key import TARGET, Kem, read_report_key
from edge_agent.model.campaign import Flight
from edge_agent.model.errors import FormatError, SettingsError
from tests.fleets import Device, MemorySource, SmallFleet, png, random_bytes


@pytest.fixture
def small(tmp_path: Path) -> SmallFleet:
    return SmallFleet(tmp_path)


def test_keys_are_their_owners_alone_and_never_overwritten(small: SmallFleet) -> None:
    folder = small.directory / "fleet" / "keys"
    names = {path.name for path in folder.iterdir()}
    assert {"root.pem", "targets.pem", "snapshot.pem", "timestamp.pem", "config.pem", "advertiser-acme.pem"} <= names
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    before = (folder / "root.pem").read_bytes()
    with pytest.raises(SettingsError, match="never overwritten"):
        KeyFolder(folder).create("root")
    with pytest.raises(SettingsError, match="is a fleet already"):
        create_fleet(small.directory / "fleet", small.now, Kem.CLASSIC)
    with pytest.raises(SettingsError, match="has a key already"):
        small.add_advertiser("acme")
    assert (folder / "root.pem").read_bytes() == before


def test_a_fleet_that_was_interrupted_while_it_was_made_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    now = datetime.now(UTC)
    with monkeypatch.context() as patch:
        patch.setattr(FleetRepository, "put", interrupted)  # the report key is not published yet
        with pytest.raises(KeyboardInterrupt):
            create_fleet(tmp_path / "fleet", now, Kem.CLASSIC)
    assert not (tmp_path / "fleet").exists()
    assert TARGET in create_fleet(tmp_path / "fleet", now, Kem.CLASSIC).files
    assert [path.name for path in tmp_path.iterdir()] == ["fleet"]
    (tmp_path / "mounted").mkdir()
    assert TARGET in create_fleet(tmp_path / "mounted", now, Kem.CLASSIC).files


def test_the_report_key_is_published_and_its_private_half_opens(small: SmallFleet) -> None:
    assert read_report_key(small.fleet.document(TARGET)).kem is Kem.CLASSIC
    assert [key.kem for key in opening_keys(small.directory / "fleet")] == [Kem.CLASSIC]


def test_no_private_key_is_in_what_is_published(small: SmallFleet) -> None:
    small.sign()
    secrets = [path.read_bytes() for path in (small.directory / "fleet" / "keys").iterdir()]
    for content in small.messages().values():
        assert b"PRIVATE" not in content
        assert not any(secret.strip() in content for secret in secrets)


def test_the_same_pack_twice_is_one_version_and_a_change_is_the_next(small: SmallFleet) -> None:
    assert (small.sign().version, small.sign().version) == (1, 1)
    version = small.fleet.timestamp.version
    assert small.sign(poster=png(filling=b"other")).version == 2
    assert small.fleet.timestamp.version == version + 1
    again = FleetRepository.open(small.directory / "fleet")
    assert [(pack.shelf_name, pack.version) for pack in manifests(again)] == [("acme/spring", 2)]


def test_the_thirty_days_of_a_pack_without_line_items_begin_with_its_first_publication(small: SmallFleet) -> None:
    def published() -> tuple[int, Flight]:
        (manifest,) = small.packs()
        return manifest.version, manifest.campaign.line_items[0].flight

    first = small.now
    small.sign()
    version, flight = published()
    assert (version, flight.end - flight.start) == (1, timedelta(days=30))
    for days, poster, expected in ((1, b"", 1), (5, png(filling=b"new"), 2), (29, png(filling=b"new"), 2)):
        small.now = first + timedelta(days=days)
        signed = small.sign(poster=poster)
        assert published() == (expected, flight)
        assert f"until {flight.end:%Y-%m-%d}" in signed.assumed[-1]
    small.now = flight.end
    small.sign(poster=png(filling=b"new"))
    assert published() == (3, Flight(start=flight.end, end=flight.end + timedelta(days=30)))
    own = '[[line_items]]\nid = "own"\ncrids = ["spring-poster"]\ntargeting = { moments = ["idle"] }\n'
    small.sign(more=own + "flight = { start = 2027-01-01, end = 2027-02-01 }")
    assert published() == (4, Flight(start=datetime(2027, 1, 1, tzinfo=UTC), end=datetime(2027, 2, 1, tzinfo=UTC)))


def test_nobody_signs_without_a_key(small: SmallFleet) -> None:
    with pytest.raises(SettingsError, match="no key for the advertiser bolt") as caught:
        small.sign(advertiser="bolt")
    assert "keys add-advertiser bolt" in caught.value.next_step


def test_a_missing_key_is_named(small: SmallFleet) -> None:
    (small.directory / "fleet" / "keys" / "timestamp.pem").unlink()
    with pytest.raises(SettingsError, match=r"timestamp\.pem cannot be read"):
        small.sign()


def test_a_revoked_pack_is_no_longer_among_the_messages(small: SmallFleet) -> None:
    small.sign()
    small.sign("summer")
    with pytest.raises(SettingsError, match="autumn is not published") as caught:
        revoke(small.fleet, "autumn", small.now)
    assert "acme/spring, acme/summer" in caught.value.next_step
    before = [topic for topic in current_messages(small.fleet) if "chunk" in topic]
    assert revoke(small.fleet, "summer", small.now) == "acme/summer"
    after = [topic for topic in current_messages(small.fleet) if "chunk" in topic]
    assert 0 < len(after) < len(before)


def test_a_name_that_two_advertisers_use_has_to_be_told_apart(small: SmallFleet) -> None:
    small.add_advertiser("bolt")
    small.sign()
    small.sign(advertiser="bolt", top='id = "bolt-spring"\npack = "spring"')
    with pytest.raises(SettingsError, match="name of more than one pack"):
        revoke(small.fleet, "spring", small.now)
    assert revoke(small.fleet, "bolt/spring", small.now) == "bolt/spring"


def test_no_advertiser_takes_anothers_campaign_id(small: SmallFleet) -> None:
    small.add_advertiser("bolt")
    small.sign()
    with pytest.raises(FormatError, match="the campaign id spring is acme's already") as caught:
        small.sign(advertiser="bolt")
    assert 'id = "bolt-spring"' in caught.value.next_step


def test_refreshing_renews_what_is_about_to_expire_and_nothing_else(small: SmallFleet) -> None:
    before = small.fleet.expirations()
    small.fleet.renew(small.now + timedelta(days=20))
    small.fleet.commit(small.now + timedelta(days=20))
    after = small.fleet.expirations()
    assert after["timestamp"] - before["timestamp"] == timedelta(days=20)
    assert after["packs-acme"] == before["packs-acme"]
    small.fleet.renew(small.now + timedelta(days=300))
    small.fleet.commit(small.now + timedelta(days=300))
    assert small.fleet.expirations()["packs-acme"] > before["packs-acme"]
    keys = small.fleet.keys.directory
    for name in ("targets", "advertiser-acme"):
        (keys / f"{name}.pem").rename(keys.parent / f"{name}.pem")
    assert small.fleet.renew(small.now + timedelta(days=600)) == ("targets", "advertiser-acme")


def test_metadata_that_devices_would_not_read_is_not_signed(small: SmallFleet) -> None:
    small.sign()
    signed = small.fleet.role_metadata("packs-acme")
    assert signed is not None
    one = signed.targets["packs/acme/spring.json"]
    signed.targets.update({f"packs/acme/pack-{number}.json": one for number in range(5000)})
    small.fleet.touch("packs-acme")
    with pytest.raises(SettingsError, match="What advertiser-acme signs would have"):
        small.fleet.commit(small.now)
    again = FleetRepository.open(small.directory / "fleet")
    assert [manifest.shelf_name for manifest in manifests(again)] == ["acme/spring"]


def test_of_an_advertiser_who_lost_the_right_nothing_expires(small: SmallFleet) -> None:
    small.sign()
    assert "packs-acme" in small.fleet.expirations()
    small.fleet.remove_advertiser("acme")
    small.fleet.commit(small.now)
    assert "packs-acme" not in FleetRepository.open(small.directory / "fleet").expirations()


def test_an_advertiser_who_comes_back_gets_a_new_key_and_the_old_one_is_kept(small: SmallFleet) -> None:
    keys = small.fleet.keys.directory
    old = (keys / "advertiser-acme.pem").read_bytes()
    small.fleet.remove_advertiser("acme")
    small.fleet.commit(small.now)
    small.add_advertiser("acme")
    small.fleet.commit(small.now)
    small.sign()
    assert (keys / "advertiser-acme.retired-1.pem").read_bytes() == old
    assert (keys / "advertiser-acme.pem").read_bytes() != old


def test_everything_is_sent_in_an_order_that_is_safe_at_any_moment(small: SmallFleet) -> None:
    small.sign(poster=png(filling=random_bytes(300_000)))
    kinds = [topic.split("/")[1] for topic in current_messages(small.fleet)]
    assert kinds == sorted(kinds, key=["chunk", "target", "meta"].index)
    assert list(current_messages(small.fleet))[-1].endswith("/snapshot")


def test_configuration_is_checked_numbered_and_owned(small: SmallFleet, tmp_path: Path) -> None:
    file = tmp_path / "quiet.toml"
    file.write_text("[placements]\nmax_per_hour = 2\n")
    assert push_config(small.fleet, config_target(device="tv-1"), file, small.now) == 1
    assert push_config(small.fleet, config_target(device="tv-1"), file, small.now) == 2
    document = json.loads(small.fleet.document("config/device/tv-1.json"))
    assert document == {"placements": {"max_per_hour": 2}, "v": 1, "version": 2}
    file.write_text('[mqtt]\nhost = "elsewhere"\n')
    with pytest.raises(SettingsError, match=r"quiet\.toml: mqtt\S* cannot be set from afar"):
        push_config(small.fleet, config_target(), file, small.now)
    with pytest.raises(SettingsError, match="cannot name a group"):
        config_target(group="../x")


def test_two_publications_at_once_are_refused(small: SmallFleet) -> None:
    folder = small.fleet.directory
    with (
        FleetRepository.locked(folder),
        pytest.raises(SettingsError, match="Another command"),
        FleetRepository.locked(folder),
    ):
        pass


def test_a_folder_that_is_no_fleet_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not a fleet folder") as caught:
        FleetRepository.open(tmp_path)
    assert "fleet keys init" in caught.value.next_step


@pytest.mark.parametrize(
    ("text", "broker"),
    [
        ("localhost", ("localhost", 1883)),
        ("10.0.0.1:8883", ("10.0.0.1", 8883)),
        ("[::1]:1884", ("::1", 1884)),
        ("[::1]", ("::1", 1883)),
    ],
)
def test_brokers_are_named_by_host_and_port(text: str, broker: tuple[str, int]) -> None:
    assert parse_broker(text) == broker


@pytest.mark.parametrize("text", ["", ":1883", "host:", "host:0", "host:65536", "host:mqtt"])
def test_what_is_no_broker_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="is not a broker"):
        parse_broker(text)


def test_versions_only_grow_over_a_reopening(small: SmallFleet) -> None:
    small.sign()
    before = small.fleet.metadata_names()
    again = FleetRepository.open(small.directory / "fleet")
    again.put("config/fleet.json", b"{}")
    again.commit(datetime.now(UTC))
    after = again.metadata_names()
    version = {name.partition(".")[2]: int(name.partition(".")[0]) for name in before}
    newer = {name.partition(".")[2]: int(name.partition(".")[0]) for name in after}
    assert newer["config"] == version["config"] + 1
    assert newer["snapshot"] == version["snapshot"] + 1
    assert newer["packs-acme"] == version["packs-acme"]


async def test_who_publishes_after_a_year_without_a_refresh_leaves_nothing_expired_behind(tmp_path: Path) -> None:
    """Devices would take nothing of it, and only they would say why."""
    now = datetime.now(UTC)
    fleet, source = SmallFleet(tmp_path / "operator", now - timedelta(days=400)), MemorySource()
    fleet.now = now
    fleet.sign()
    assert all(expires > now for expires in fleet.fleet.expirations().values())
    fleet.put_into(source)
    async with Device(tmp_path / "tv", fleet.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
