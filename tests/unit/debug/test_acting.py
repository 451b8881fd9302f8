"""What the device's software and the page may do, and what bad input gets."""

import contextlib
import json
from typing import Any

import pytest
from pydantic import ValidationError

from edge_agent.debug.bodies import PlayEventBody
from edge_agent.model.moment import MOMENTS_WITHIN_S, MOST_MOMENTS, MomentPace
from edge_agent.render.hook_protocol import HookEvent, parse_hook_line
from tests.small_agent import MORNING, SmallAgent
from tests.unit.debug.conftest import Client


async def test_a_moment_is_answered_with_the_decision_and_its_reason(acting: Client, tv: SmallAgent) -> None:
    first = await acting.post("/v1/moments", json={"kind": "power_on"})
    assert first.status == 202
    decision = (await first.json())["decision"]
    assert decision["outcome"] == "selected"
    assert decision["chosen"]["campaign"] == "harbour"
    second = (await (await acting.post("/v1/moments", json={"kind": "power_on"})).json())["decision"]
    assert (second["outcome"], second["rule"]) == ("refused", "already_playing")
    assert second["detail"].endswith(".")
    assert len(tv.decisions(10)) == 2


async def test_more_moments_than_can_happen_to_a_person_are_refused_and_a_press_is_not(
    acting: Client, tv: SmallAgent
) -> None:
    for _ in range(MOST_MOMENTS - 1):
        assert (await acting.post("/v1/moments", json={"kind": "power_on"})).status == 202
    slot = {"kind": "power_on", "format": "boot_screen"}
    assert (await acting.post("/v1/slots", json=slot)).status == 200
    for target, body in (("/v1/moments", {"kind": "power_on"}), ("/v1/slots", slot)):
        answer = await acting.post(target, json=body)
        assert answer.status == 429
        assert 0 < int(answer.headers["Retry-After"]) <= MOMENTS_WITHIN_S
        assert "60 moments" in (await answer.json())["error"]
    assert len(tv.decisions(200)) == MOST_MOMENTS
    assert (await acting.post("/v1/press", json={"button": "close"})).status == 202


def test_another_moment_may_come_as_soon_as_the_oldest_is_a_minute_ago() -> None:
    pace = MomentPace()
    assert [pace.wait_s(100 + number / 2) for number in range(MOST_MOMENTS)] == [0] * MOST_MOMENTS
    assert pace.wait_s(130) == 30
    assert pace.wait_s(159.5) == 0.5
    assert pace.wait_s(160) == 0
    assert pace.wait_s(160) == 0.5


async def test_a_moment_may_have_a_topic_and_attributes(speaking: Client, speaker: SmallAgent) -> None:
    body = {"kind": "assistant_answered", "topic": "weather", "attributes": {"degrees": 12.5, "place": "Halle"}}
    decision = (await (await speaking.post("/v1/moments", json=body)).json())["decision"]
    assert decision["moment"]["topic"] == "weather"
    assert speaker.plays(1)[0]["rendered"]


async def test_one_press_closes(acting: Client, tv: SmallAgent) -> None:
    await acting.post("/v1/moments", json={"kind": "power_on"})
    assert (await (await acting.get("/v1/screen")).json())["on"]
    assert (await acting.post("/v1/press", json={"button": "close"})).status == 202
    assert not (await (await acting.get("/v1/screen")).json())["on"]
    assert tv.plays(1)[0]["close_cause"] == "press"


async def test_not_interested_keeps_the_campaign_away(acting: Client, tv: SmallAgent) -> None:
    await acting.post("/v1/moments", json={"kind": "power_on"})
    await acting.post("/v1/press", json={"button": "not_interested"})
    assert tv.engine.surroundings.limits.dismissed_campaigns == {"harbour"}


async def test_the_state_changes_only_where_it_is_named(acting: Client, tv: SmallAgent) -> None:
    await acting.post("/v1/state", json={"do_not_disturb": True})
    await acting.post("/v1/state", json={"call_in_progress": True})
    device = tv.engine.surroundings.device
    assert (device.powered, device.do_not_disturb, device.call_in_progress) == (True, True, True)


async def test_the_microphone_is_muted_and_unmuted(acting: Client, tv: SmallAgent) -> None:
    await acting.post("/v1/state", json={"microphone_muted": True})
    assert tv.state()["microphone"] == "muted"
    await acting.post("/v1/state", json={"microphone_muted": False})
    assert tv.state()["microphone"] == "listening"


async def test_a_virtual_device_has_a_switch_that_its_hooks_see(acting: Client, tv: SmallAgent) -> None:
    await acting.post("/v1/state", json={"powered": False})
    assert (tv.folder / "power.json").read_text() == '{"powered": false}'
    assert not tv.state()["powered"]
    await acting.post("/v1/moments", json={"kind": "power_on"})
    assert (tv.folder / "power.json").read_text() == '{"powered": true}'
    assert tv.state()["powered"]


async def test_consent_is_given_and_withdrawn_part_by_part(acting: Client, tv: SmallAgent) -> None:
    answer = await acting.post("/v1/resident", json={"consent": {"reports": False}})
    assert await answer.json() == {
        "consent": {"placements": True, "reports": False, "at": MORNING.isoformat()},
        "limits": tv.state()["limits"],
    }
    await acting.post("/v1/moments", json={"kind": "power_on"})
    await acting.post("/v1/resident", json={"consent": {"placements": False}})
    assert tv.plays(1)[0]["close_cause"] == "consent_withdrawn"
    assert not tv.engine.surroundings.consent.placements


async def test_limits_are_changed_one_by_one_and_survive(acting: Client, tv: SmallAgent) -> None:
    quiet = {"start": "22:00", "end": "07:00"}
    await acting.post("/v1/resident", json={"limits": {"quiet_hours": [quiet], "max_per_day": 3}})
    await acting.post("/v1/resident", json={"limits": {"max_per_day": 2}})
    limits = tv.engine.surroundings.limits
    assert limits.max_per_day == 2
    assert len(limits.quiet_hours) == 1
    assert tv.engine.surroundings.consent.placements


async def test_only_a_stand_ins_clock_can_be_set(
    acting: Client, tv: SmallAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await acting.post("/v1/standin/clock", json={"now": "2026-11-21T20:15:00+01:00"})
    assert (await answer.json())["now"] == "2026-11-21T20:15:00+01:00"
    state = tv.state()
    monkeypatch.setattr(tv, "state", lambda: {**state, "device": {**state["device"], "standin": False}})
    assert (await acting.post("/v1/standin/clock", json={"now": "2026-11-22T00:00:00Z"})).status == 404
    assert tv.now().isoformat() == "2026-11-21T20:15:00+01:00"


BAD: list[tuple[str, Any, str]] = [
    ("/v1/moments", {}, "kind"),
    ("/v1/moments", {"kind": "sneeze"}, "kind"),
    ("/v1/moments", {"kind": "idle", "topic": "Über alles"}, "`topic`: use 1 to 64 lower-case letters"),
    ("/v1/moments", {"kind": "idle", "at": "now"}, "at"),
    ("/v1/moments", {"kind": "idle", "attributes": {"deep": {"er": 1}}}, "attributes"),
    ("/v1/moments", {"kind": "idle", "attributes": {str(n): n for n in range(17)}}, "attributes"),
    ("/v1/state", {}, "The body is not usable: name at least one"),
    ("/v1/state", {"powered": "yes"}, "powered"),
    ("/v1/state", {"powered": 1}, "powered"),
    ("/v1/state", {"colour": True}, "colour"),
    ("/v1/press", {"button": "eject"}, "button"),
    ("/v1/slots", {"kind": "idle", "format": "hologram"}, "format"),
    ("/v1/slots", {"kind": "idle", "format": "idle_poster", "max_dur_s": 0}, "max_dur_s"),
    ("/v1/plays/x/events", {"event": "exploded", "t_ms": 1}, "event"),
    ("/v1/plays/x/events", {"event": "loaded", "t_ms": -1}, "t_ms"),
    ("/v1/resident", {"consent": {"placements": "on"}}, "placements"),
    ("/v1/resident", {"consent": {"at": "2026-01-01T00:00:00Z"}}, "at"),
    ("/v1/resident", {"limits": {"max_per_day": -1}}, "max_per_day"),
    ("/v1/resident", {"limits": {"nothing": 1}}, "nothing"),
    ("/v1/standin/clock", {"now": "2026-11-21T20:15:00"}, "now"),
    ("/v1/standin/clock", {"now": "soon"}, "now"),
    ("/v1/standin/clock", {"now": "9990-01-01T00:00:00Z"}, "now"),
    ("/v1/moments", [], ""),
    ("/v1/moments", "idle", ""),
]


@pytest.mark.parametrize(("length", "taken"), [(300, True), (301, False)])
def test_software_that_renders_itself_may_say_as_much_of_an_error_as_a_hook(length: int, *, taken: bool) -> None:
    line = json.dumps({"event": "error", "t_ms": 1, "detail": "x" * length}).encode()
    assert isinstance(parse_hook_line(line), HookEvent) is taken
    with contextlib.nullcontext() if taken else pytest.raises(ValidationError, match="detail"):
        PlayEventBody.model_validate_json(line)


@pytest.mark.parametrize(("path", "body", "named"), BAD)
async def test_bad_input_gets_one_sentence_that_names_the_field(
    acting: Client, tv: SmallAgent, path: str, body: object, named: str
) -> None:
    before = tv.engine
    answer = await acting.post(path, json=body)
    said = await answer.json()
    assert answer.status == 400
    assert named in said["error"]
    assert "\n" not in said["error"]
    assert len(said["error"]) <= 300
    assert tv.engine is before


NO_NUMBERS = (b"NaN", b"Infinity", b"-Infinity")
NO_JSON = [
    b"",
    b"{",
    b"\xff\xfe",
    b"[" * 20000,
    *(b'{"kind": "idle", "attributes": {"x": %s}}' % x for x in NO_NUMBERS),
]


@pytest.mark.parametrize("raw", NO_JSON)
async def test_what_is_not_json_is_refused(acting: Client, raw: bytes) -> None:
    answer = await acting.post("/v1/moments", data=raw)
    assert answer.status == 400
    assert (await answer.json())["error"]


async def test_a_body_that_is_too_large_is_refused(acting: Client) -> None:
    answer = await acting.post("/v1/moments", data=b" " * 70000)
    assert answer.status == 413
    assert (await answer.json())["error"]


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
async def test_a_body_that_is_not_packed_as_it_says_is_refused(acting: Client, packing: str) -> None:
    answer = await acting.post("/v1/moments", data=b'{"kind": "idle"}', headers={"Content-Encoding": packing})
    assert answer.status == 400
    assert "body" in (await answer.json())["error"]


async def test_a_bug_is_logged_and_told_in_one_sentence(
    acting: Client, tv: SmallAgent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(tv, "state", broken)
    answer = await acting.get("/v1/state")
    assert answer.status == 500
    assert "secret" not in await answer.text()
    assert [record.levelname for record in caplog.records if record.name.startswith("edge_agent")] == ["ERROR"]


async def test_erasing_leaves_consent_and_limits_and_nothing_of_what_was_placed(
    acting: Client, tv: SmallAgent
) -> None:
    await acting.post("/v1/moments", json={"kind": "power_on"})
    assert tv.decisions(1)
    assert tv.plays(1)
    consent = tv.resident()
    assert (await acting.post("/v1/erase", json={})).status == 202
    assert (tv.decisions(1), tv.plays(1), tv.resident()) == ([], [], consent)
    assert (await acting.post("/v1/erase", json={"plays": True})).status == 400, "there is nothing to choose"
