"""The mirrors' folder as an operator keeps it, what the broker then holds, and whether a mirror serves it."""

import asyncio
import hashlib
import json
import shlex
import sys
from pathlib import Path

import pytest

from edge_agent.fleet.publishing.broker import BrokerAddress
from edge_agent.fleet.publishing.garbage import find_garbage, remove_garbage
from edge_agent.fleet.publishing.mirror_check import check_mirror
from edge_agent.fleet.publishing.mirror_folder import choose, read_choice
from edge_agent.fleet.publishing.mirroring import write_folder
from edge_agent.fleet.publishing.oversight import look
from edge_agent.fleet.publishing.send import current_messages, send
from edge_agent.fleet.publishing.uploading import run_upload
from edge_agent.model.errors import LinkError, SettingsError, StorageError
from tests.brokers import RunningBroker
from tests.fleets import SmallFleet, png, random_bytes, silent
from tests.mirrors import Authority, Mirror
from tests.unit.cli.commands import edge_agent


@pytest.fixture
def fleet(tmp_path: Path) -> SmallFleet:
    return SmallFleet(tmp_path / "operator")


def held(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in (folder / "asset").iterdir()}


def test_each_asset_is_one_file_named_by_its_hash_and_is_written_once(fleet: SmallFleet, tmp_path: Path) -> None:
    picture = png(filling=random_bytes(500_000))
    fleet.sign(poster=picture)
    choose(fleet.fleet.directory, folder=tmp_path / "cdn")
    first = write_folder(fleet.fleet, silent)
    assert first is not None
    assert (first.written, first.written_bytes, first.assets) == (1, len(picture), 1)
    before = held(tmp_path / "cdn")
    assert list(before) == [hashlib.sha256(picture).hexdigest()]
    assert (tmp_path / "cdn" / "asset" / next(iter(before))).read_bytes() == picture
    fleet.sign("summer")
    second = write_folder(fleet.fleet, silent)
    assert second is not None
    assert (second.written, second.assets) == (1, 2)
    after = held(tmp_path / "cdn")
    assert len(after) == 2
    assert before.items() <= after.items(), "what is there is not written again"


def test_what_is_cut_short_is_written_again_and_what_is_damaged_never_gets_there(
    fleet: SmallFleet, tmp_path: Path
) -> None:
    fleet.sign()
    choose(fleet.fleet.directory, folder=tmp_path / "cdn")
    write_folder(fleet.fleet, silent)
    (path,) = (tmp_path / "cdn" / "asset").iterdir()
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    write_folder(fleet.fleet, silent)
    assert path.read_bytes() == content
    path.unlink()
    chunk = next((fleet.fleet.directory / "chunks").iterdir())
    chunk.write_bytes(bytes(chunk.stat().st_size))
    with pytest.raises(StorageError, match="damaged"):
        write_folder(fleet.fleet, silent)
    assert list((tmp_path / "cdn" / "asset").iterdir()) == []


def test_without_a_choice_everything_is_on_the_broker(fleet: SmallFleet) -> None:
    fleet.sign()
    assert write_folder(fleet.fleet, silent) is None
    assert any("chunk" in topic for topic in current_messages(fleet.fleet))


def test_assets_on_a_mirror_need_a_folder(fleet: SmallFleet) -> None:
    with pytest.raises(SettingsError, match="no folder"):
        choose(fleet.fleet.directory, assets_on="mirror")
    assert read_choice(fleet.fleet.directory).assets_on == "broker"


async def test_the_broker_holds_what_is_not_on_mirrors_alone(
    fleet: SmallFleet, broker: RunningBroker, root: str, tmp_path: Path
) -> None:
    """Moving assets to mirrors clears the broker, status counts what belongs there, gc clears both folders."""
    address, work = BrokerAddress(broker.host, broker.port, root), fleet.fleet.directory
    fleet.sign("large", png(filling=random_bytes(600_000)))
    fleet.sign("small", png(filling=random_bytes(40_000, "small")))
    await send(fleet.fleet, address, silent)
    on_broker = [topic for topic in current_messages(fleet.fleet) if "chunk" in topic]
    choose(work, folder=tmp_path / "cdn", assets_on="mirror", over_bytes=100_000)
    write_folder(fleet.fleet, silent)
    kept = [topic for topic in current_messages(fleet.fleet) if "chunk" in topic]
    assert len(kept) == 1
    sent = await send(fleet.fleet, address, silent)
    assert sent.cleared >= len(on_broker) - 1
    seen = await look(fleet.fleet, address, silent, chunks=True)
    assert (seen.missing, seen.problem, seen.is_current) == ((), "", True)
    assert find_garbage(fleet.fleet, address, 0).files == ()
    assert [topic for topic in find_garbage(fleet.fleet, address, 0).topics if "chunk" in topic] == []
    fleet.fleet.remove("packs/acme/large.json")
    fleet.fleet.commit(fleet.now)
    others = tmp_path / "cdn" / "asset" / "favicon.ico"
    others.write_bytes(b"somebody else's")
    garbage = find_garbage(fleet.fleet, address, 0)
    assert len([path for path in garbage.files if path.is_relative_to(tmp_path / "cdn")]) == 1
    await remove_garbage(fleet.fleet, address, garbage, silent)
    assert [*held(tmp_path / "cdn")] == ["favicon.ico"]
    choose(work, assets_on="broker")
    assert (await send(fleet.fleet, address, silent)).sent_bytes > 0


async def test_a_mirror_is_checked_as_devices_ask_it(fleet: SmallFleet, tmp_path: Path) -> None:
    for pack in ("spring", "summer"):
        fleet.sign(pack)
    choose(fleet.fleet.directory, folder=tmp_path / "cdn")
    write_folder(fleet.fleet, silent)
    authority = Authority(tmp_path / "authority")
    async with Mirror(tmp_path / "cdn", authority) as mirror:
        whole = await check_mirror(fleet.fleet, mirror.url, authority.ca_file, silent)
        assert (whole.assets, whole.lacking) == (2, ())
        gone = next((tmp_path / "cdn" / "asset").iterdir())
        gone.unlink()
        assert (await check_mirror(fleet.fleet, mirror.url, authority.ca_file, silent)).lacking == (gone.name,)
        with pytest.raises(LinkError, match="certificate that is not trusted here") as caught:
            await check_mirror(fleet.fleet, mirror.url, None, silent)
        assert "left alone" not in str(caught.value), "only a device leaves it alone"
        assert "authority" in caught.value.next_step
        await mirror.shut()
        with pytest.raises(LinkError, match=f"The mirror {mirror.url} cannot be reached") as caught:
            await check_mirror(fleet.fleet, mirror.url, authority.ca_file, silent)
        assert "Check that it runs" in caught.value.next_step
    with pytest.raises(SettingsError, match="cannot be a mirror"):
        await check_mirror(fleet.fleet, "http://127.0.0.1", None, silent)


async def test_publishing_for_mirrors_uploads_before_devices_are_told(
    fleet: SmallFleet, broker: RunningBroker, root: str, tmp_path: Path
) -> None:
    fleet.sign()
    folder, cdn, uploaded = tmp_path / "operator/folders/acme/spring", tmp_path / "cdn", tmp_path / "uploaded"
    where: list[str | Path] = [
        "--fleet-dir",
        fleet.fleet.directory,
        "--broker",
        f"{broker.host}:{broker.port}",
        "--root",
        root,
    ]
    broken = ["--upload", f"{sys.executable} -c 'raise SystemExit(3)'"]
    chosen: list[str | Path] = ["--mirror-folder", cdn, "--assets-on", "mirror"]
    refused = await asyncio.to_thread(edge_agent, "fleet", "publish", folder, *where, *chosen, *broken)
    assert refused.returncode == 1
    assert "The upload failed with exit code 3" in refused.stderr
    address = BrokerAddress(broker.host, broker.port, root)
    assert (
        await look(fleet.fleet, address, silent, chunks=False)
    ).problem == "The broker holds nothing of this fleet."
    copy = shlex.join(["cp", "-r", str(cdn), str(uploaded)])
    done = await asyncio.to_thread(edge_agent, "fleet", "publish", folder, *where, "--upload", copy, "--json")
    assert done.returncode == 0, done.stderr
    assert len(held(uploaded)) == 1
    assert json.loads(done.stdout)["sent"]["sent_bytes"] < 60_000, "metadata and documents alone"
    shown = await asyncio.to_thread(edge_agent, "fleet", "mirror", "--fleet-dir", fleet.fleet.directory, "--json")
    assert json.loads(shown.stdout)["choice"]["assets_on"] == "mirror"
    assert json.loads(shown.stdout)["written"]["written"] == 0
    next((cdn / "asset").iterdir()).unlink()
    status = await asyncio.to_thread(edge_agent, "fleet", "status", "--fleet-dir", fleet.fleet.directory, "--json")
    assert json.loads(status.stdout)["mirrors"]["assets_on"] == "mirror"
    assert (json.loads(status.stdout)["mirrors"]["assets"], json.loads(status.stdout)["mirrors"]["missing"]) == (1, 1)
    said = await asyncio.to_thread(edge_agent, "fleet", "status", "--fleet-dir", fleet.fleet.directory)
    assert "lacks 1 of them: edge-agent fleet mirror" in said.stderr


async def test_a_revocation_waits_for_no_mirrors_folder(
    fleet: SmallFleet, broker: RunningBroker, root: str, tmp_path: Path
) -> None:
    """The folder is not mounted: what is signed leaves all the same, and no chunk goes."""
    address, cdn = BrokerAddress(broker.host, broker.port, root), tmp_path / "cdn"
    for pack in ("spring", "summer"):
        fleet.sign(pack)
    await send(fleet.fleet, address, silent)
    choose(fleet.fleet.directory, folder=cdn, assets_on="mirror")
    cdn.rmdir()
    cdn.write_bytes(b"no folder")
    where: list[str | Path] = ["--fleet-dir", fleet.fleet.directory, "--broker", str(address), "--root", root]
    done = await asyncio.to_thread(edge_agent, "fleet", "revoke", "spring", *where, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sent"]["cleared"] == 0
    refused = await asyncio.to_thread(edge_agent, "fleet", "refresh", *where)
    assert "cannot be written" in refused.stderr
    cdn.unlink()
    done = await asyncio.to_thread(edge_agent, "fleet", "refresh", *where, "--json")
    assert json.loads(done.stdout)["sent"]["cleared"] > 0
    assert len(held(cdn)) == 1


@pytest.mark.parametrize("command", ["no-such-command-here", "'unclosed"], ids=["not there", "not closed"])
def test_an_upload_that_cannot_be_run_is_said_in_one_sentence(command: str) -> None:
    with pytest.raises(SettingsError, match=r"The upload cannot be run \(.*\): No ") as refused:
        run_upload(command)
    assert "[Errno" not in str(refused.value)


def test_a_folder_that_cannot_be_is_not_remembered(fleet: SmallFleet, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(StorageError, match="taken/cdn cannot be written"):
        choose(fleet.fleet.directory, folder=tmp_path / "taken" / "cdn")
    assert read_choice(fleet.fleet.directory).folder is None
