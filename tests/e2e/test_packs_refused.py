"""A broker that says no: the device asks for no more, and plays on with what it has."""

import json
from pathlib import Path

import pytest

from edge_agent.fleet.publishing.broker import BrokerAddress
from edge_agent.fleet.publishing.send import send
from tests.brokers import MOSQUITTO, Mosquitto
from tests.fleets import SmallFleet, on_broker, png, random_bytes, silent

pytestmark = pytest.mark.e2e

PLUGIN = next(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"), None)
OPEN = dict.fromkeys(("publishClientSend", "publishClientReceive", "subscribe", "unsubscribe"), True)


@pytest.mark.skipif(
    MOSQUITTO is None or PLUGIN is None, reason="mosquitto with its dynamic security plugin is not here"
)
async def test_a_broker_that_refuses_chunks_is_asked_for_a_few_and_not_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    denied = {"acltype": "subscribePattern", "topic": "edge/repo/chunk/#", "priority": 1, "allow": False}
    rules = {
        "defaultACLAccess": OPEN,
        "anonymousGroup": "everybody",
        "clients": [],
        "groups": [{"groupname": "everybody", "roles": [{"rolename": "no-chunks"}]}],
        "roles": [{"rolename": "no-chunks", "acls": [denied]}],
    }
    (tmp_path / "rules.json").write_text(json.dumps(rules), "utf-8")
    lines = [f"plugin {PLUGIN}", f"plugin_opt_config_file {tmp_path / 'rules.json'}"]
    fleet = SmallFleet(tmp_path / "operator")
    fleet.sign(poster=png(filling=random_bytes(3_000_000)))
    with Mosquitto(lines=lines) as broker:
        await send(fleet.fleet, BrokerAddress(broker.host, broker.port, "edge"), silent)
        async with on_broker(tmp_path, fleet, broker, "edge") as device:
            await device.until(lambda: bool(device.shelf.status().packs))
            await device.until(lambda: "The broker refuses" in device.shelf.status().packs[0].reason)
            status = device.shelf.status().packs[0]
            assert status.missing_bytes == status.total_bytes
            assert len([record for record in caplog.records if "refuses" in record.getMessage()]) == 1
