"""What of the home's line assets may take: on average, in a day, and when."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from edge_agent.model.campaign import Daypart
from edge_agent.packs.fetching.allowance import Meter
from edge_agent.packs.shelf_record import read_record
from edge_agent.settings.rooms import PacksSettings
from tests.fleets import Device, MemorySource, SmallFleet, png, random_bytes

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Daypart(start=time(2), end=time(5))
SECOND = timedelta(seconds=1)


def meter(day: str = "", spent_bytes: int = 0, **settings: object) -> Meter:
    values = {"directory": "packs", "root_json": "root.json", "kind": "tv", **settings}
    return Meter(PacksSettings.model_validate(values), BERLIN, day=day, spent_bytes=spent_bytes)


def at(hour: int, minute: int = 0, day: int = 21) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=BERLIN)


def test_without_limits_nothing_waits() -> None:
    free = meter()
    assert not free.is_limited
    assert free.spend(10**9, at(12), 0.0) == 0.0
    assert free.hold(at(12)) is None
    assert free.window(16, 131072) == 16


@pytest.mark.parametrize(
    "limit",
    [{"bandwidth": 100_000}, {"daily_bytes": 10**9}, {"hours": [NIGHT]}],
    ids=["on average", "in a day", "within hours"],
)
def test_each_limit_makes_it_count(limit: dict[str, Any]) -> None:
    assert meter(**limit).is_limited


def test_the_average_is_kept_over_any_time() -> None:
    slow, seconds = meter(bandwidth=100_000), 0.0
    for _ in range(100):
        seconds += slow.spend(65_536, at(12), seconds)
    assert seconds == pytest.approx((100 * 65_536 - 200_000) / 100_000), "a burst of two seconds, then the average"
    assert slow.spend(65_536, at(12), seconds + 3600) == 0.0, "an hour of rest saves up a burst"
    assert slow.spend(200_000, at(12), seconds + 3600) > 0.5, "and no more than that"
    assert slow.window(16, 131072) == 1


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (at(2) - SECOND, at(2)),
        (at(2), None),
        (at(5) - SECOND, None),
        (at(5), at(2, day=22)),
        (at(5).astimezone(UTC), at(2, day=22)),
    ],
    ids=["before", "start", "end", "after", "another-zone"],
)
def test_hours_are_those_on_the_wall(now: datetime, until: datetime | None) -> None:
    hold = meter(hours=(NIGHT,)).hold(now)
    assert (None if hold is None else hold.until) == until


def test_hours_of_a_weekday_may_be_days_away() -> None:
    hold = meter(hours=(NIGHT.model_copy(update={"weekdays": (4,)}),)).hold(at(12))
    assert hold is not None
    assert hold.until == at(2, day=26)
    assert str(hold.why) == "Assets are fetched within 02:00-05:00; it waits until 2026-11-26 02:00."


def test_a_day_has_a_budget_that_a_restart_does_not_renew_and_midnight_does() -> None:
    one = meter(daily_bytes=2**20)
    one.spend(2**20 - 1, at(12), 0)
    assert one.hold(at(12)) is None
    one.spend(1, at(13), 0)
    hold = one.hold(at(13))
    assert hold is not None
    assert hold.until == at(0, day=22)
    again = meter(one.day, one.spent_bytes, daily_bytes=2**20)
    assert again.hold(at(23, 59)) is not None
    assert again.hold(at(0, day=22)) is None


def test_a_clock_that_is_wrong_knows_no_hours_and_no_days() -> None:
    assert meter("2026-11-21", 2**20, daily_bytes=2**20, hours=(NIGHT,)).hold(at(12), clock_trusted=False) is None


def test_what_comes_while_the_clock_is_wrong_counts_to_the_day_that_stands() -> None:
    again = meter("2026-11-21", 2**20 - 2, daily_bytes=2**20)
    assert again.hold(at(9, day=20), clock_trusted=False) is None
    again.spend(1, at(9, day=20), 0)
    assert (again.day, again.spent_bytes) == ("2026-11-21", 2**20 - 1)
    assert again.hold(at(12)) is None, "the clock was set"
    again.spend(1, at(12), 1)
    assert again.hold(at(12)) is not None
    again.hold(at(9, day=20), clock_trusted=False)
    again.spend(1, at(9, day=20), 2)
    assert again.hold(at(12)) is not None, "nor does a clock that goes wrong later renew it"
    assert again.hold(at(0, day=22)) is None
    again.spend(1, at(0, day=22), 3)
    assert (again.day, again.spent_bytes) == ("2026-11-22", 1)


async def test_assets_wait_for_their_hours_and_say_so_while_all_else_arrives(tmp_path: Path) -> None:
    fleet, source = SmallFleet(tmp_path / "operator", at(10)), MemorySource()
    now = at(12).astimezone(UTC)
    fleet.sign()
    fleet.put_into(source)
    told: list[str] = []
    async with Device(tmp_path / "tv", fleet.root_json, source, now=lambda: now, hours=(NIGHT,)) as device:
        device.shelf.on_document("config/", lambda name, _content: told.append(name))
        await device.until(lambda: bool(told) and bool(device.shelf.status().packs))
        await device.until(lambda: "fetched within 02:00-05:00" in device.shelf.status().packs[0].reason)
        assert not [topic for topic in source.asked if "chunk" in topic]
        now = at(3, day=22).replace(tzinfo=UTC)
        fleet.sign("summer")
        fleet.put_into(source)
        await device.until(lambda: device.playable() == {"acme/spring": 1, "acme/summer": 1})


async def test_a_days_budget_ends_a_download_which_goes_on_the_next_day(tmp_path: Path) -> None:
    fleet, source = SmallFleet(tmp_path / "operator", at(10)), MemorySource()
    now = at(12).astimezone(UTC)
    fleet.sign(poster=png(filling=random_bytes(2_000_000)))
    fleet.put_into(source)
    settings = {"now": lambda: now, "daily_bytes": 2**20}
    async with Device(tmp_path / "tv", fleet.root_json, source, **settings) as device:  # type: ignore[arg-type]
        await device.until(lambda: bool(device.shelf.status().packs) and bool(device.shelf.status().packs[0].reason))
        assert "used up" in device.shelf.status().packs[0].reason
    chunks = [topic for topic in source.asked if "chunk" in topic]
    assert sum(len(source.retained[topic]) for topic in chunks) < 2**20 + 3 * 131072
    async with Device(tmp_path / "tv", fleet.root_json, source, **settings) as device:  # type: ignore[arg-type]
        await device.until(lambda: bool(device.shelf.status().packs) and bool(device.shelf.status().packs[0].reason))
        assert [topic for topic in source.asked if "chunk" in topic] == chunks, "a restart does not renew it"
        now += timedelta(days=1)
        fleet.fleet.commit(fleet.now)
        fleet.put_into(source)
        await device.until(lambda: device.playable() == {"acme/spring": 1})
    again = [topic for topic in source.asked if "chunk" in topic]
    assert len(again) == len(set(again)), "nothing is fetched twice"


async def test_a_restart_in_1970_does_not_renew_the_days_budget(tmp_path: Path) -> None:
    fleet, source = SmallFleet(tmp_path / "operator", at(23, day=20)), MemorySource()
    now = at(12).astimezone(UTC)
    fleet.sign(poster=png(filling=random_bytes(1_200_000)))
    fleet.put_into(source)
    settings = {"now": lambda: now, "daily_bytes": 2**20}
    async with Device(tmp_path / "tv", fleet.root_json, source, **settings) as device:  # type: ignore[arg-type]
        await device.until(lambda: any("used up" in pack.reason for pack in device.shelf.status().packs))
    now = datetime(1970, 1, 1, tzinfo=UTC)
    async with Device(tmp_path / "tv", fleet.root_json, source, **settings) as device:  # type: ignore[arg-type]
        await device.until(lambda: device.playable() == {"acme/spring": 1})
        now = at(13).astimezone(UTC)
        fleet.sign("summer")
        fleet.put_into(source)
        await device.until(lambda: any(pack.name == "acme/summer" for pack in device.shelf.status().packs))
        await device.until(device.is_settled)
        assert device.playable() == {"acme/spring": 1}
        assert any("used up" in pack.reason for pack in device.shelf.status().packs)


def test_the_count_is_written_down_before_it_is_used_up_and_a_few_times_a_day() -> None:
    one, daily_bytes, written, chunk = meter(daily_bytes=64 * 2**20), 64 * 2**20, 0, 64 * 1024
    booked = 0
    for number in range(daily_bytes // chunk):
        if one.book():
            written += 1
            booked = one.booked_bytes
        one.spend(chunk, at(12), float(number))
        assert one.spent_bytes <= booked <= one.spent_bytes + daily_bytes // 32
    assert 32 <= written <= 65
    one.settle()
    assert one.booked_bytes == one.spent_bytes == daily_bytes
    assert not meter().book(), "without a budget nothing is written down"


async def test_what_came_counts_though_nobody_had_time_to_write_it_down_at_the_end(tmp_path: Path) -> None:
    fleet, source = SmallFleet(tmp_path / "operator"), MemorySource()
    fleet.sign(poster=png(filling=random_bytes(2_000_000)))
    fleet.put_into(source)
    (manifest,) = fleet.packs()
    source.held = {f"repo/chunk/{manifest.assets['poster.png'].chunks[-1].sha256}"}
    async with Device(tmp_path / "tv", fleet.root_json, source, daily_bytes=8 * 2**20) as device:
        await device.until(lambda: bool(source.held & set(source.asked)))
        record = read_record((tmp_path / "tv" / "shelf.json").read_bytes())  # as a power cut leaves it
    came = sum(len(source.retained[topic]) for topic in source.asked if "chunk" in topic and topic not in source.held)
    assert 1_500_000 < came <= record.spent_bytes <= came + 2**18
