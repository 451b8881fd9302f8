"""Lasting failures: told of once when they begin and once when they end."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge_agent.model.errors import LinkError, StorageError
from edge_agent.troubles import Troubles

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FULL = StorageError("The disk is full.", "Free some space.")


class Device:
    """Troubles with a clock that the test moves and a count of the changes that were told."""

    def __init__(self) -> None:
        self.time = NOON
        self.changes = 0
        self.troubles = Troubles(now=lambda: self.time, changed=self.change)

    def change(self) -> None:
        self.changes += 1


@pytest.fixture
def device(caplog: pytest.LogCaptureFixture) -> Device:
    caplog.set_level(logging.DEBUG)
    return Device()


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


def test_a_failure_is_told_of_once_however_often_it_is_met(device: Device, caplog: pytest.LogCaptureFixture) -> None:
    assert device.troubles.begin("journal", FULL)
    device.time += timedelta(hours=1)
    assert not device.troubles.begin("journal", StorageError("The disk is full.", "Free some space."))
    assert told(caplog) == [("WARNING", "The disk is full. Free some space.")]
    assert device.changes == 1
    trouble = device.troubles.lasting["journal"]
    assert (trouble.what, trouble.next_step, trouble.since) == ("The disk is full.", "Free some space.", NOON)


def test_its_end_is_told_of_once_and_a_new_one_is_news(device: Device, caplog: pytest.LogCaptureFixture) -> None:
    device.troubles.begin("journal", FULL)
    assert device.troubles.end("journal")
    assert not device.troubles.end("journal")
    assert told(caplog)[1:] == [("INFO", "The journal is in order again.")]
    assert not device.troubles.lasting
    assert device.changes == 2
    assert device.troubles.begin("journal", FULL)


def test_what_comes_and_goes_all_the_time_is_told_of_a_few_times_an_hour(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for number in range(50):
        device.troubles.begin("repository", LinkError(f"It sent {number} bytes."))
        device.troubles.end("repository")
    lines = [message for _level, message in told(caplog)]
    assert len(lines) == 9
    assert lines[-1] == "It sent 4 bytes. It comes and goes: no more of it is told for an hour."
    device.troubles.begin("journal", FULL)
    device.time += timedelta(hours=1)
    device.troubles.begin("repository", FULL)
    assert [message for _level, message in told(caplog)[9:]] == [FULL.for_person()] * 2


def test_another_reason_is_news_about_the_same_trouble(device: Device) -> None:
    device.troubles.begin("journal", FULL)
    device.time += timedelta(hours=1)
    assert device.troubles.begin("journal", StorageError("The disk is read-only."))
    trouble = device.troubles.lasting["journal"]
    assert (trouble.what, trouble.since) == ("The disk is read-only.", NOON), "it has lasted since it began"


def test_troubles_are_told_oldest_first_and_do_not_mix(device: Device) -> None:
    device.troubles.begin("journal", FULL)
    device.troubles.begin("broker", LinkError("The broker is away."))
    device.troubles.begin("pack acme/spring", FULL)
    device.troubles.end("broker")
    assert list(device.troubles.lasting) == ["journal", "pack acme/spring"]


def test_what_no_longer_exists_is_forgotten_without_a_word(device: Device, caplog: pytest.LogCaptureFixture) -> None:
    device.troubles.begin("pack acme/spring", FULL)
    caplog.clear()
    device.troubles.forget("pack acme/spring")
    device.troubles.forget("pack acme/spring")
    assert (told(caplog), dict(device.troubles.lasting), device.changes) == ([], {}, 2)


def test_the_level_and_what_more_there_is_to_say_are_the_rooms(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    device.troubles.begin("show hook", FULL, logging.ERROR, more="It printed: ouch")
    device.troubles.begin("broker", LinkError("The broker is away."), logging.DEBUG)
    assert told(caplog) == [
        ("ERROR", "The disk is full. Free some space. It printed: ouch"),
        ("DEBUG", "The broker is away."),
    ]
    assert device.troubles.lasting["show hook"].what == "The disk is full.", "what a hook printed stays in the log"


def test_nobody_can_change_what_is_wrong_but_by_its_methods(device: Device) -> None:
    lasting: Any = device.troubles.lasting
    with pytest.raises(TypeError):
        lasting["x"] = None


def test_a_handle_speaks_of_one_subject(device: Device) -> None:
    journal = device.troubles.about("journal")
    lasted = [journal.lasts]
    assert journal.begin(FULL)
    assert not journal.begin(StorageError("The disk is read-only.")), "it failed before, whatever the reason is now"
    lasted.append(journal.lasts)
    journal.end()
    journal.end()
    lasted.append(journal.lasts)
    assert lasted == [False, True, False]
