import json

import pytest

from edge_agent.link.reported_state import ConfigOutcome, Health, ReportedConfig, ReportedState
from edge_agent.model.device import Microphone
from edge_agent.model.errors import LinkError

FULL = ReportedState(
    online=True,
    version="0.1.0",
    profile="tv-55",
    config=ReportedConfig(version=3, outcome=ConfigOutcome.ROLLED_BACK, reason="The agent was not healthy after it."),
    repository_version=41,
    health=Health.DEGRADED,
    problems=("The microphone is gone.",),
    microphone=Microphone.LOST,
)


@pytest.mark.parametrize("state", [FULL, ReportedState.last_will("0.1.0", "tv-55")])
def test_a_state_reads_as_it_was_written(state: ReportedState) -> None:
    assert ReportedState.from_payload(state.to_payload()) == state


def test_the_last_will_says_that_the_device_is_gone_and_nothing_that_may_be_stale() -> None:
    will = json.loads(ReportedState.last_will("0.1.0", "tv-55").to_payload())
    assert will == {"v": 1, "online": False, "version": "0.1.0", "profile": "tv-55", "problems": []}


def test_nothing_about_plays_can_be_said() -> None:
    said = set(ReportedState.model_fields) | set(ReportedConfig.model_fields)
    assert said == {
        *("v", "online", "version", "profile", "config", "repository_version", "health", "problems", "microphone"),
        *("outcome", "reason"),
    }
    with pytest.raises(LinkError, match="plays"):
        ReportedState.from_payload(b'{"online":true,"version":"1","profile":"tv","plays":3}')


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"\xff", b"[]", b"null", b'{"online":"perhaps","version":"1","profile":"tv"}', b" " * 10_000],
)
def test_garbage_is_one_sentence(payload: bytes) -> None:
    with pytest.raises(LinkError, match="device state"):
        ReportedState.from_payload(payload)
