"""Fixtures that every room's tests share. Which broker they run against is said in pytest's header."""

import uuid
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.brokers import MOSQUITTO, Embedded, Mosquitto, RunningBroker, preferred

# A machine may be busy or slow; no test is about elapsed time.
settings.register_profile("edge-agent", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("edge-agent")


def pytest_report_header() -> str:
    if MOSQUITTO is None:
        return "broker: the embedded one, since mosquitto is not installed (apt-get install mosquitto)"
    return f"broker: {MOSQUITTO}"


@pytest.fixture(scope="session")
def broker() -> Iterator[RunningBroker]:
    """One broker for the whole run; tests that share it keep apart by `root`. Do not stop or restart it."""
    with preferred() as running:
        yield running


@pytest.fixture
def own_broker() -> Iterator[RunningBroker]:
    """Run a broker of the test's own, which it may stop and restart; retained messages stay over a restart."""
    with preferred() as running:
        yield running


@pytest.fixture(params=["mosquitto", "embedded"])
def each_broker(request: pytest.FixtureRequest) -> Iterator[RunningBroker]:
    """Each kind of broker in turn, the test's own: for what must hold on both."""
    if request.param == "mosquitto" and MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    with Mosquitto() if request.param == "mosquitto" else Embedded() as running:
        yield running


@pytest.fixture
def root() -> str:
    """Return a topic root that no other test has."""
    return f"edge-test/{uuid.uuid4().hex}"
