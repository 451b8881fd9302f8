"""Advertisers with a key of their own: they sign their packs and no others; an operator takes nothing unjudged."""

import base64
import io
import json
import shutil
import tarfile
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, TargetFile, Targets

from edge_agent.fleet.publishing.broker import BrokerAddress
from edge_agent.fleet.publishing.garbage import find_garbage, remove_garbage
from edge_agent.fleet.publishing.handover import (
    accept_bundle,
    build_signed,
    build_unsigned,
    sign_bundle,
    write_signed,
)
from edge_agent.fleet.publishing.send import send
from edge_agent.fleet.signing.advertiser import AdvertiserFolder
from edge_agent.fleet.signing.bundle import read_bundle, write_bundle
from edge_agent.fleet.signing.keys import make_key_pair, read_public_key
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.rotation import change_keys, rotate_key
from edge_agent.fleet.signing.signed_packs import manifests
from edge_agent.model.errors import EdgeAgentError, FormatError, SettingsError
from edge_agent.packs.source import MAX_METADATA_BYTES
from tests.brokers import RunningBroker
from tests.fleets import Device, MemorySource, SmallFleet, on_broker, png, random_bytes


def silent(_what: str, _done: int, _total: int) -> None:
    """Show nothing."""


class Agency:
    """The advertiser `bolt` with a folder of its own, at the door of an operator who has its public key."""

    def __init__(self, directory: Path) -> None:
        self.operator = SmallFleet(directory / "operator")
        self.now = self.operator.now
        self.bolt = AdvertiserFolder.create(directory / "bolt", "bolt")
        self.out = directory / "bolt.bundle"
        self._directory = directory
        self.fleet.add_advertiser("bolt", [read_public_key(self.bolt.public_key)])
        self.fleet.commit(self.now)

    @property
    def fleet(self) -> FleetRepository:
        return self.operator.fleet

    def folder(self, pack: str, seed: str = "", advertiser: str = "bolt") -> Path:
        folder = self._directory / "packs" / pack
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "poster.png").write_bytes(png(filling=random_bytes(150_000, seed or pack)))
        (folder / "pack.toml").write_text(
            f'advertiser = "{advertiser}"\nname = "{pack}"\nadomain = ["bolt.example"]\nid = "bolt-{pack}"\n'
            f'pack = "{pack}"\n[[creatives]]\ncrid = "poster"\nformat = "idle_poster"\nasset = "poster.png"\n'
            'dur = 10\ntranscript = "Hello."\n'
        )
        return folder

    def build(self, pack: str, seed: str = "") -> Path:
        build_signed(self.bolt, self.folder(pack, seed), self.out, self.now, silent)
        return self.out

    def packs(self) -> dict[str, int]:
        return {manifest.shelf_name: manifest.version for manifest in manifests(self.fleet)}


@pytest.fixture
def agency(tmp_path: Path) -> Agency:
    return Agency(tmp_path)


async def test_what_an_advertiser_signs_alone_arrives_on_devices(agency: Agency, tmp_path: Path) -> None:
    source = MemorySource()
    agency.operator.sign()
    async with Device(tmp_path / "tv", agency.operator.root_json, source) as device:
        agency.operator.put_into(source)  # the advertiser may publish, and has published nothing yet
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        done = accept_bundle(agency.fleet, agency.build("boots"), agency.now)
        assert (done.advertiser, done.packs, done.withdrawn) == ("bolt", ("bolt/boots",), ())
        agency.operator.put_into(source)
        await device.until(lambda: device.playable() == {"acme/spring": 1, "bolt/boots": 1})
        accept_bundle(agency.fleet, agency.build("boots", "other"), agency.now)
        accept_bundle(agency.fleet, agency.build("shoes"), agency.now)
        agency.operator.put_into(source)
        await device.until(lambda: device.playable() == {"acme/spring": 1, "bolt/boots": 2, "bolt/shoes": 1})
        agency.bolt.remove("packs/bolt/boots.json")
        agency.bolt.commit(agency.now)
        write_signed(agency.bolt, agency.out)
        assert accept_bundle(agency.fleet, agency.out, agency.now).withdrawn == ("bolt/boots",)
        agency.operator.put_into(source)
        await device.until(lambda: device.playable() == {"acme/spring": 1, "bolt/shoes": 1})


async def test_a_name_that_the_operator_withholds_stays_away_whatever_its_advertiser_signs_until_it_is_given_back(
    agency: Agency, tmp_path: Path
) -> None:
    source, name = MemorySource(), "packs/bolt/boots.json"
    for pack in ("boots", "shoes"):
        accept_bundle(agency.fleet, agency.build(pack), agency.now)
    agency.operator.put_into(source)
    async with Device(tmp_path / "tv", agency.operator.root_json, source) as device:
        await device.until(lambda: device.playable() == {"bolt/boots": 1, "bolt/shoes": 1})
        agency.fleet.withhold(name)
        agency.fleet.commit(agency.now)
        agency.operator.put_into(source)
        await device.until(lambda: device.playable() == {"bolt/shoes": 1})
        for pack in ("boots", "shoes"):
            accept_bundle(agency.fleet, agency.build(pack, "again"), agency.now)
        agency.operator.fleet = FleetRepository.open(agency.fleet.directory)
        agency.operator.put_into(source)
        await device.until(lambda: device.playable() == {"bolt/shoes": 2})
        assert agency.packs() == {"bolt/shoes": 2}
        agency.fleet.withhold(name, lift=True)
        agency.fleet.commit(agency.now)
        agency.operator.put_into(source)
        await device.until(lambda: device.playable() == {"bolt/boots": 2, "bolt/shoes": 2})
        assert not device.shelf.status().problem


def test_the_private_key_is_nowhere_but_with_the_advertiser(agency: Agency) -> None:
    accept_bundle(agency.fleet, agency.build("boots"), agency.now)
    folder = agency.operator.directory / "fleet"
    secret = (agency.bolt.directory / "keys" / "bolt.pem").read_bytes()
    everything = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert not any(secret in content for content in [*everything, agency.out.read_bytes()])
    with pytest.raises(SettingsError, match="bolt signs its packs itself"):
        agency.operator.sign("mine", advertiser="bolt", top='id = "bolt-mine"')
    with pytest.raises(SettingsError, match="is a private key") as refused:
        read_public_key(agency.bolt.directory / "keys" / "bolt.pem")
    assert ".pub" in refused.value.next_step


def test_the_same_folder_makes_the_same_bytes_signed_or_not(agency: Agency, tmp_path: Path) -> None:
    folder = agency.folder("boots")
    shutil.copytree(agency.bolt.directory, tmp_path / "again")
    for number in (1, 2):
        build_unsigned(folder, tmp_path / f"{number}.bundle", agency.now + timedelta(seconds=number), silent)
    assert (tmp_path / "1.bundle").read_bytes() == (tmp_path / "2.bundle").read_bytes()
    build_signed(AdvertiserFolder.open(tmp_path / "again"), folder, tmp_path / "3.bundle", agency.now, silent)
    assert agency.build("boots").read_bytes() == (tmp_path / "3.bundle").read_bytes()


def test_building_again_mends_what_a_bad_disk_did_to_a_chunk(agency: Agency) -> None:
    """The operator says to build it again, and nobody sees which file of the advertiser's folder is at fault."""
    agency.build("boots")
    for chunk in (agency.bolt.directory / "chunks").iterdir():
        content = bytearray(chunk.read_bytes())
        content[len(content) // 2] ^= 1
        chunk.write_bytes(content)
    assert accept_bundle(agency.fleet, agency.build("boots"), agency.now).packs == ("bolt/boots",)


def test_what_was_built_without_a_key_is_signed_later(agency: Agency, tmp_path: Path) -> None:
    build_unsigned(agency.folder("boots"), tmp_path / "draft.bundle", agency.now, silent)
    with pytest.raises(SettingsError, match="is not signed"):
        accept_bundle(agency.fleet, tmp_path / "draft.bundle", agency.now)
    assert sign_bundle(agency.bolt, tmp_path / "draft.bundle", agency.out, agency.now) == ("bolt/boots",)
    accept_bundle(agency.fleet, agency.out, agency.now)
    assert agency.packs() == {"bolt/boots": 1}
    other = AdvertiserFolder.create(tmp_path / "other", "other")
    with pytest.raises(EdgeAgentError, match="bolt/boots"):
        sign_bundle(other, tmp_path / "draft.bundle", tmp_path / "stolen.bundle", agency.now)


def test_a_bundle_that_was_accepted_is_accepted_again_and_an_older_one_is_not(agency: Agency, tmp_path: Path) -> None:
    shutil.copy(agency.build("boots"), tmp_path / "first.bundle")
    accept_bundle(agency.fleet, agency.out, agency.now)
    assert accept_bundle(agency.fleet, agency.out, agency.now).packs == ()
    accept_bundle(agency.fleet, agency.build("boots", "other"), agency.now)
    with pytest.raises(SettingsError, match="is bolt's version 1; version 2 is published already"):
        accept_bundle(agency.fleet, tmp_path / "first.bundle", agency.now)


def test_an_advertiser_signs_its_own_packs_and_nothing_else(agency: Agency) -> None:
    agency.operator.sign()
    before = agency.packs()
    with pytest.raises(SettingsError, match=r"bolt may not sign packs/acme/"):
        build_signed(agency.bolt, agency.folder("spring", advertiser="acme"), agency.out, agency.now, silent)
    content = agency.fleet.document("packs/acme/spring.json")
    for name in ("packs/acme/spring.json", "config/fleet.json", "packs/bolt/../acme/spring.json"):
        targets = agency.bolt.metadata.signed.targets
        targets[name] = TargetFile.from_data(name, content, ["sha256"])
        agency.bolt.commit(agency.now)
        del targets[name]
        path = max((agency.bolt.directory / "metadata").glob("*.json"), key=lambda path: int(path.stem))
        write_bundle(agency.out, path.read_bytes(), {}, {})
        with pytest.raises(SettingsError, match="bolt may not sign"):
            accept_bundle(agency.fleet, agency.out, agency.now)
    assert agency.packs() == before


def test_nobody_signs_in_anothers_name(agency: Agency, tmp_path: Path) -> None:
    thief = AdvertiserFolder.create(tmp_path / "thief", "bolt")  # says that it is bolt, with a key of its own
    build_signed(thief, agency.folder("boots"), agency.out, agency.now, silent)
    with pytest.raises(SettingsError, match="bears 0 of the 1 signatures"):
        accept_bundle(agency.fleet, agency.out, agency.now)
    stranger = AdvertiserFolder.create(tmp_path / "stranger", "stranger")
    write_signed_of(stranger, agency)
    with pytest.raises(SettingsError, match="'stranger', who may not publish here") as refused:
        accept_bundle(agency.fleet, agency.out, agency.now)
    assert "add-advertiser" in refused.value.next_step
    assert agency.packs() == {}


def write_signed_of(folder: AdvertiserFolder, agency: Agency) -> None:
    folder.commit(agency.now)
    write_signed(folder, agency.out)


def test_a_role_that_lets_others_sign_or_has_expired_is_refused(agency: Agency) -> None:
    agency.build("boots")
    with pytest.raises(SettingsError, match="has expired on"):
        accept_bundle(agency.fleet, agency.out, agency.now + timedelta(days=400))
    bundle = read_bundle(agency.out)
    assert bundle.metadata is not None
    forged = Metadata(
        Targets.from_dict(bundle.metadata.signed.to_dict() | {"delegations": {"keys": {}, "roles": []}})
    )
    write_bundle(agency.out, forged.to_bytes(), bundle.documents, {})
    with pytest.raises(SettingsError, match="lets others sign"):
        accept_bundle(agency.fleet, agency.out, agency.now)


def test_of_two_packs_that_were_built_over_each_other_the_way_out_is_said(agency: Agency) -> None:
    for seed in ("first", "corrected"):
        agency.build("boots", seed)
        agency.build("shoes", seed)
    with pytest.raises(FormatError, match="names bolt/boots, but does not hold it") as refused:
        accept_bundle(agency.fleet, agency.out, agency.now)
    assert "withdraw that pack, build this one, publish it, and then build that one" in refused.value.next_step
    agency.bolt.remove("packs/bolt/boots.json")
    agency.bolt.commit(agency.now)
    accept_bundle(agency.fleet, agency.build("shoes", "corrected"), agency.now)
    accept_bundle(agency.fleet, agency.build("boots", "corrected"), agency.now)
    assert agency.packs() == {"bolt/boots": 1, "bolt/shoes": 2}


def test_a_bundle_without_all_of_its_parts_is_refused_and_one_with_the_rest_here_is_not(agency: Agency) -> None:
    agency.build("boots")
    whole = read_bundle(agency.out)
    assert whole.metadata is not None
    metadata = whole.metadata.to_bytes()
    write_bundle(agency.out, metadata, whole.documents, {})
    with pytest.raises(FormatError, match="lacks a part of bolt/boots"):
        accept_bundle(agency.fleet, agency.out, agency.now)
    write_bundle(agency.out, metadata, {}, {})
    with pytest.raises(FormatError, match="names bolt/boots, but does not hold it"):
        accept_bundle(agency.fleet, agency.out, agency.now)
    assert agency.packs() == {}
    accept_bundle(agency.fleet, agency.build("boots"), agency.now)
    agency.build("shoes")
    assert len(read_bundle(agency.out).documents) == 1  # boots are there already
    accept_bundle(agency.fleet, agency.out, agency.now)
    assert agency.packs() == {"bolt/boots": 1, "bolt/shoes": 1}


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "chunks/ABC", "targets/" + "a" * 63, "metadata.json/x"])
def test_odd_names_links_and_altered_parts_are_refused(agency: Agency, name: str) -> None:
    agency.build("boots")
    for kind in (tarfile.REGTYPE, tarfile.SYMTYPE):
        with tarfile.open(agency.out, "a") as archive:
            part = tarfile.TarInfo(name)
            part.type, part.linkname, part.size = kind, "/etc/passwd", 1 if kind == tarfile.REGTYPE else 0
            archive.addfile(part, io.BytesIO(b"x"))
        with pytest.raises(FormatError, match="holds what no bundle holds"):
            accept_bundle(agency.fleet, agency.out, agency.now)
        agency.build("boots")
    content = agency.out.read_bytes()
    middle = len(content) // 2
    agency.out.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    with pytest.raises(FormatError, match="was altered"):
        accept_bundle(agency.fleet, agency.out, agency.now)
    agency.out.write_bytes(b"not a tar" * 100)
    with pytest.raises(FormatError, match="is not a bundle"):
        accept_bundle(agency.fleet, agency.out, agency.now)


@pytest.mark.parametrize(
    "headers", [{"GNU.sparse.size": "x"}, {"GNU.sparse.map": "1,x"}, {"GNU.sparse.map": "1" * 5000}]
)
def test_numbers_that_are_none_in_a_parts_header_are_refused(agency: Agency, headers: dict[str, str]) -> None:
    part = tarfile.TarInfo("metadata.json")
    part.pax_headers = headers
    with tarfile.open(agency.out, "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(part)
    with pytest.raises(FormatError, match="is not a bundle"):
        accept_bundle(agency.fleet, agency.out, agency.now)


def sparse(name: str, content: bytes) -> bytes:
    """Return a part whose header says that all after the first block is zeros which are not in the file (GNU)."""
    part = tarfile.TarInfo(name)
    part.type, part.size = tarfile.GNUTYPE_SPARSE, tarfile.BLOCKSIZE
    header = bytearray(part.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = b"%011o\0%011o\0" % (0, tarfile.BLOCKSIZE)
    header[483:495] = b"%011o\0" % len(content)
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + sum(header[156:]) + 8 * ord(" "))
    return bytes(header) + content[: tarfile.BLOCKSIZE]


def test_a_part_that_is_unpacked_to_other_bytes_than_are_in_the_file_is_refused(agency: Agency) -> None:
    """What was kept then had another hash than the one that was judged, and nothing could be published any more."""
    folder = agency.folder("boots")
    (folder / "poster.png").write_bytes(png(filling=bytes(400_000)))
    build_signed(agency.bolt, folder, agency.out, agency.now, silent)
    bundle = read_bundle(agency.out)
    assert bundle.metadata is not None
    chunks = {sha256: bundle.chunk(sha256) for sha256 in bundle.chunks}
    name, content = next(one for one in chunks.items() if not any(one[1][tarfile.BLOCKSIZE :]))
    others = {sha256: partial(bundle.chunk, sha256) for sha256 in bundle.chunks if sha256 != name}
    write_bundle(agency.out, bundle.metadata.to_bytes(), bundle.documents, others)
    agency.out.write_bytes(sparse(f"chunks/{name}", content) + agency.out.read_bytes())
    with pytest.raises(FormatError, match="holds what no bundle holds"):
        accept_bundle(agency.fleet, agency.out, agency.now)


@pytest.mark.parametrize(("version", "is_taken"), [(2**31 - 1, True), (2**31, False), (10**230, False)])
def test_a_version_that_no_topic_has_room_for_is_refused(version: int, is_taken: bool, agency: Agency) -> None:
    """What stands under it could never be sent, and nothing after it."""
    agency.build("boots")
    agency.bolt.metadata.signed.version = version
    agency.bolt.commit(agency.now)
    write_signed(agency.bolt, agency.out, "bolt/boots")
    if is_taken:
        assert accept_bundle(agency.fleet, agency.out, agency.now).version == version
    else:
        with pytest.raises(SettingsError, match=f"version of {len(str(version))} digits"):
            accept_bundle(agency.fleet, agency.out, agency.now)


def test_metadata_that_grows_past_what_devices_read_as_it_is_written_down_is_refused(agency: Agency) -> None:
    """Brokers would not take it, and with it nothing else of the fleet."""
    agency.build("boots")
    agency.bolt.metadata.signed.unrecognized_fields["x"] = "é" * 200_000  # six letters each in ASCII
    agency.bolt.commit(agency.now)
    metadata = json.dumps(json.loads(agency.bolt.metadata.to_bytes()), ensure_ascii=False).encode()
    bundle = written_anew(agency, metadata)
    assert len(metadata) < MAX_METADATA_BYTES
    with pytest.raises(SettingsError, match="bolt signs would have"):
        accept_bundle(agency.fleet, bundle, agency.now)
    assert agency.packs() == {}


def written_anew(agency: Agency, metadata: bytes) -> Path:
    """Write the bundle of `bolt/boots` once more with this metadata."""
    chunks = {path.name: path.read_bytes for path in (agency.bolt.directory / "chunks").iterdir()}
    documents = {path.name: path.read_bytes() for path in (agency.bolt.directory / "targets").iterdir()}
    write_bundle(agency.out, metadata, documents, chunks)
    return agency.out


def test_two_of_an_advertisers_people_have_to_sign_when_the_operator_asks_for_two(
    agency: Agency, tmp_path: Path
) -> None:
    accept_bundle(agency.fleet, agency.build("boots"), agency.now)
    colleague = AdvertiserFolder.create(tmp_path / "colleague", "bolt")
    change_keys(agency.fleet, "advertiser-bolt", agency.now, add=read_public_key(colleague.public_key))
    with pytest.raises(SettingsError, match="bears 1 of the 2 signatures"):
        change_keys(FleetRepository.open(agency.fleet.directory), "advertiser-bolt", agency.now, threshold=2)
    agency.build("boots", "other")
    sign_bundle(colleague, agency.out, agency.out, agency.now)
    accept_bundle(agency.fleet, agency.out, agency.now)
    change_keys(agency.fleet, "advertiser-bolt", agency.now, threshold=2)
    agency.build("boots", "third")
    with pytest.raises(SettingsError, match="bears 1 of the 2 signatures"):
        accept_bundle(agency.fleet, agency.out, agency.now)
    sign_bundle(colleague, agency.out, agency.out, agency.now)
    accept_bundle(agency.fleet, agency.out, agency.now)
    assert agency.packs() == {"bolt/boots": 3}


def test_of_two_who_sign_together_either_builds_and_the_versions_go_on(agency: Agency, tmp_path: Path) -> None:
    colleague = AdvertiserFolder.create(tmp_path / "colleague", "bolt")
    change_keys(agency.fleet, "advertiser-bolt", agency.now, add=read_public_key(colleague.public_key))
    sign_bundle(colleague, agency.build("boots"), agency.out, agency.now)
    accept_bundle(agency.fleet, agency.out, agency.now)
    sign_bundle(colleague, agency.build("coats"), agency.out, agency.now)
    accept_bundle(agency.fleet, agency.out, agency.now)
    change_keys(agency.fleet, "advertiser-bolt", agency.now, threshold=2)
    for seed, builds, along in (("red", colleague, agency.bolt), ("blue", agency.bolt, colleague)):
        own = AdvertiserFolder.open(builds.directory)
        build_signed(own, agency.folder("boots", seed), agency.out, agency.now, silent)
        sign_bundle(AdvertiserFolder.open(along.directory), agency.out, agency.out, agency.now)
        accept_bundle(agency.fleet, agency.out, agency.now)
    assert agency.packs() == {"bolt/boots": 3, "bolt/coats": 1}


def test_who_never_saw_all_that_stands_signs_along_and_keeps_to_its_own_history(
    agency: Agency, tmp_path: Path
) -> None:
    agency.build("boots")
    agency.build("coats")  # of which the colleague gets this bundle alone
    colleague = AdvertiserFolder.create(tmp_path / "colleague", "bolt")
    sign_bundle(colleague, agency.out, agency.out, agency.now)
    assert list(AdvertiserFolder.open(colleague.directory).files) == []


async def test_what_somebody_signed_along_reaches_a_broker_that_had_it_with_one_signature(
    agency: Agency, tmp_path: Path, broker: RunningBroker, root: str
) -> None:
    address = BrokerAddress(broker.host, broker.port, root)
    accept_bundle(agency.fleet, agency.build("boots"), agency.now)
    await send(agency.fleet, address, silent)
    colleague = AdvertiserFolder.create(tmp_path / "colleague", "bolt")
    change_keys(agency.fleet, "advertiser-bolt", agency.now, add=read_public_key(colleague.public_key))
    sign_bundle(colleague, agency.out, agency.out, agency.now)
    assert accept_bundle(agency.fleet, agency.out, agency.now).packs == ()
    await send(agency.fleet, address, silent)
    change_keys(agency.fleet, "advertiser-bolt", agency.now, threshold=2)
    await send(agency.fleet, address, silent)
    async with on_broker(tmp_path, agency.operator, broker, root) as device:
        await device.until(lambda: device.playable() == {"bolt/boots": 1})


def test_an_advertiser_who_lost_its_folder_goes_on_with_another_key(agency: Agency, tmp_path: Path) -> None:
    """As docs/packs.md says: the operator gives back what was signed last, so that versions go on."""
    for seed in ("first", "second"):
        accept_bundle(agency.fleet, agency.build("boots", seed), agency.now)
    (lost,) = agency.fleet.authority.of("packs-bolt")[1].keyids
    shutil.rmtree(agency.bolt.directory)
    new, theirs = AdvertiserFolder.create(tmp_path / "bolt", "bolt"), agency.fleet.directory
    shutil.copy(theirs / "metadata" / "2.packs-bolt.json", new.directory / "metadata" / "2.json")
    shutil.copytree(theirs / "targets", new.directory / "targets")
    change_keys(agency.fleet, "advertiser-bolt", agency.now, add=read_public_key(new.public_key))
    agency.bolt = AdvertiserFolder.open(new.directory)
    assert accept_bundle(agency.fleet, agency.build("boots", "third"), agency.now).version == 3
    change_keys(agency.fleet, "advertiser-bolt", agency.now, drop=lost)
    assert agency.packs() == {"bolt/boots": 3}


async def test_an_advertiser_comes_back_with_what_it_signed_or_not_at_all(
    agency: Agency, broker: RunningBroker, root: str
) -> None:
    address = BrokerAddress(broker.host, broker.port, root)
    accept_bundle(agency.fleet, agency.build("boots"), agency.now)
    keys = [read_public_key(agency.bolt.public_key)]
    for _ in range(2):
        agency.fleet.remove_advertiser("bolt")
        agency.fleet.commit(agency.now)
        agency.fleet.add_advertiser("bolt", keys)
        agency.fleet.commit(agency.now)
    assert agency.packs() == {"bolt/boots": 1}
    agency.fleet.remove_advertiser("bolt")
    agency.fleet.commit(agency.now)
    await remove_garbage(agency.fleet, address, find_garbage(agency.fleet, address, keep=0), silent)
    with pytest.raises(SettingsError, match="gc has cleared it away"):
        agency.fleet.add_advertiser("bolt", keys)
    agency.fleet.add_advertiser("bolt-again", keys)
    agency.operator.sign()
    await send(agency.fleet, address, silent)  # before, nothing could be sent for want of what was cleared away


async def test_an_advertiser_who_has_signed_nothing_yet_is_no_devices_trouble(
    agency: Agency, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    agency.operator.sign()
    async with Device(tmp_path / "tv", agency.operator.root_json, agency.operator.published()) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        assert [record for record in caplog.records if record.levelname == "WARNING"] == []


def test_an_operator_may_need_two_roots_and_says_which_signature_is_missing(tmp_path: Path) -> None:
    small = SmallFleet(tmp_path)
    private, public = make_key_pair(tmp_path / "safe", "root-of-another")
    change_keys(small.fleet, "root", small.now, add=read_public_key(public))
    with pytest.raises(SettingsError, match="2 of its own; the keys for 1 and 1 are here") as refused:
        change_keys(small.fleet, "root", small.now, threshold=2)
    assert "--keys" in refused.value.next_step
    small.fleet.keys.others = (private.parent,)
    change_keys(small.fleet, "root", small.now, threshold=2)
    small.fleet.keys.others = ()
    with pytest.raises(SettingsError, match="the keys for 1 and 1 are here"):
        rotate_key(small.fleet, "timestamp", small.now)
    small.fleet.keys.others = (private.parent,)
    rotate_key(FleetRepository.open(small.fleet.directory), "config", small.now)
    with pytest.raises(SettingsError, match="root has several keys"):
        rotate_key(small.fleet, "root", small.now)
    with pytest.raises(SettingsError, match="root would have 1 keys, of which 2"):
        change_keys(small.fleet, "root", small.now, drop=small.fleet.root.roles["root"].keyids[0])


async def test_devices_follow_a_root_that_two_have_signed(tmp_path: Path) -> None:
    small, source = SmallFleet(tmp_path / "operator"), MemorySource()
    private, public = make_key_pair(tmp_path / "safe", "second")
    small.sign()
    small.put_into(source)
    async with Device(tmp_path / "tv", small.root_json, source) as device:
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        small.fleet.keys.others = (private.parent,)
        for role in ("root", "targets"):
            change_keys(small.fleet, role, small.now, add=read_public_key(public))
            change_keys(small.fleet, role, small.now, threshold=2)
        small.sign("summer")
        rotate_key(small.fleet, "snapshot", small.now)
        small.put_into(source)
        await device.until(lambda: device.playable() == {"acme/spring": 1, "acme/summer": 1})
        assert device.shelf.status().root_version == 6


def test_an_advertisers_folder_is_changed_by_one_command_at_a_time(tmp_path: Path) -> None:
    folder = AdvertiserFolder.create(tmp_path / "bolt", "bolt").directory
    with AdvertiserFolder.locked(folder) as own:
        assert own.name == "bolt"
        with pytest.raises(SettingsError, match="Another command"), AdvertiserFolder.locked(folder):
            pass


@pytest.mark.parametrize("kind", [b"\x06\x03\x2b\x65\x6f", b"\x06\x03\x2b\x65\x00"], ids=["Ed25519ph", "of nobody"])
def test_a_key_of_a_kind_that_nobody_here_knows_is_no_public_key(agency: Agency, kind: bytes) -> None:
    head, body, foot = agency.bolt.public_key.read_bytes().splitlines()
    other = base64.b64decode(body).replace(b"\x06\x03\x2b\x65\x70", kind)
    path = agency.out.with_suffix(".pub")
    path.write_bytes(b"\n".join([head, base64.b64encode(other), foot]))
    with pytest.raises(SettingsError, match="is not a"):
        read_public_key(path)
