"""Beginning a pack where keys are kept apart, and where the advertiser signs itself."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.fleet.provision import create_fleet
from edge_agent.fleet.signing.advertiser import AdvertiserFolder
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.measure.report_key import Kem
from tests.fleets import LATER, png
from tests.unit.cli.commands import edge_agent


@pytest.fixture
def poster(tmp_path: Path) -> Path:
    path = tmp_path / "poster.png"
    path.write_bytes(png())
    return path


def test_keys_that_are_kept_apart_are_named_and_without_them_nothing_is_left_behind(
    tmp_path: Path, poster: Path
) -> None:
    fleet = create_fleet(tmp_path / "fleet", datetime.now(UTC) - LATER, Kem.CLASSIC)
    stick = tmp_path / "stick"
    (fleet.directory / "keys").rename(stick)
    new = ("fleet", "pack", "new", tmp_path / "spring", "--advertiser", "acme", "--poster", poster)
    refused = edge_agent(*new, "--fleet-dir", fleet.directory)
    assert (refused.returncode, "cannot be read" in refused.stderr) == (1, True)
    assert not (tmp_path / "spring").exists()
    assert not (fleet.directory / "keys" / "advertiser-acme.pem").exists()
    done = edge_agent(*new, "--fleet-dir", fleet.directory, "--keys", stick)
    assert (done.returncode, done.stderr) == (0, "Made a key for acme.\n")
    assert f"fleet publish {tmp_path}/spring\n" in done.stdout
    assert FleetRepository.open(fleet.directory).advertisers == ("acme",)


def test_an_advertiser_alone_is_led_from_its_key_to_the_file_that_it_hands_over(
    tmp_path: Path, poster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    AdvertiserFolder.create(Path("bolt"), "bolt")
    done = edge_agent("fleet", "pack", "new", "boots", "--advertiser", "bolt", "--poster", poster)
    assert done.returncode == 0, done.stderr
    _, _, step = done.stdout.strip().partition("then: edge-agent ")
    assert step == "fleet pack build boots --advertiser-dir bolt"
    assert edge_agent(*step.split()).returncode == 0
    assert Path("boots.bundle").is_file()
