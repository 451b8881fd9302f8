"""What `fleet publish` tells beside what it does."""

from pathlib import Path

import pytest

from edge_agent.settings.rooms import PacksSettings
from tests.brokers import free_port
from tests.fleets import SmallFleet, png, random_bytes
from tests.unit.cli.commands import edge_agent

MOST_BYTES = PacksSettings.model_fields["max_pack_bytes"].default


@pytest.mark.parametrize("more_bytes", [0, 1])
def test_a_pack_that_devices_refuse_for_its_size_is_told_of(more_bytes: int, tmp_path: Path) -> None:
    fleet = SmallFleet(tmp_path / "operator")
    frame_bytes = len(png(filling=random_bytes(1))) - 1
    fleet.sign("spring", png(filling=random_bytes(MOST_BYTES - frame_bytes + more_bytes)))
    folder = tmp_path / "operator" / "folders" / "acme" / "spring"
    broker = f"127.0.0.1:{free_port()}"
    done = edge_agent("fleet", "publish", folder, "--fleet-dir", fleet.fleet.directory, "--broker", broker)
    assert ("devices refuse more than 64.0 MiB" in done.stderr) == bool(more_bytes), done.stderr
