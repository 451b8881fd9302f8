"""Revoking while it plays, on a whole device with a real broker; and what is left of it without one."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.fleet.signing.revoke import lift_revocation, revoke, revoke_advertiser
from tests.brokers import RunningBroker
from tests.e2e.homes import Fleet, again, agree, decision_on, make_device, running, shelved, shows

pytestmark = pytest.mark.e2e

REASON = "It shows the wrong price."


@pytest.mark.parametrize(
    "what", ["green-valley", "green-valley/green-valley-pears", "green-valley/green-valley-pears/pears"]
)
async def test_what_is_revoked_closes_in_the_middle_of_its_play_and_stays_away_without_a_network(
    tmp_path: Path, own_broker: RunningBroker, what: str
) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.publish_sample("green-valley")
    device = make_device("fridge", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json)
    async with running(device):
        await shelved(device)
        await agree(
            device,
        )
        mark = device.mark
        assert (await decision_on(device, "idle"))["chosen"]["crid"] == "pears"
        await shows(device, mark)
        mark = device.mark
        if "/" in what:
            revoke(fleet.repository, what, datetime.now(UTC), REASON)
        else:
            revoke_advertiser(fleet.repository, what, datetime.now(UTC), REASON)
        await fleet.send()
        await device.expect("it closes", lambda m: m["type"] == "screen" and not m["screen"]["on"], mark)
        await device.expect("why", lambda m: m["type"] == "play" and m["play"]["close_cause"] == "revoked", mark)
    own_broker.stop()
    async with running(again(device)) as device:
        await device.post("/v1/resident", {"consent": {"placements": True, "reports": False}, "limits": {}})
        listed = (await device.get("/v1/packs"))["packs"]
        told = [sentence for pack in listed for sentence in pack["revoked"].values()]
        if what.count("/") == 1:  # the operator signs it, and does so no more
            assert listed == []
        else:
            assert told
            assert all(sentence.startswith(f"The operator revoked {what} on ") for sentence in told)
            assert all(sentence.endswith(REASON) for sentence in told)
        decision = await decision_on(device, "idle")
        assert decision["outcome"] != "selected"
    own_broker.start()


async def test_a_revocation_that_is_lifted_lets_it_play_again_and_says_why_it_did_not(
    tmp_path: Path, own_broker: RunningBroker
) -> None:
    fleet = Fleet(tmp_path / "fleet", own_broker)
    await fleet.publish_sample("green-valley")
    revoke_advertiser(fleet.repository, "green-valley", datetime.now(UTC), REASON)
    await fleet.send()
    device = make_device("fridge", tmp_path, broker_port=own_broker.port, root_json=fleet.root_json)
    async with running(device):
        await agree(device)
        mark = device.mark
        lift_revocation(fleet.repository, "green-valley", datetime.now(UTC))
        await fleet.send()
        await shelved(device)
        revoke(fleet.repository, "green-valley/green-valley-pears/pears", datetime.now(UTC), REASON)
        await fleet.send()
        await device.expect(
            "the reason", lambda m: m["type"] == "packs" and any(pack["revoked"] for pack in m["packs"]), mark
        )
        refused = await decision_on(device, "idle")
        assert refused["rule"] == "revoked"
        assert refused["detail"].endswith(REASON)
