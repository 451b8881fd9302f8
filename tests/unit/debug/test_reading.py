"""What may be read: its shapes, and what is refused."""

from typing import Any

import pytest

from edge_agent.debug import shapes
from edge_agent.model import events as ev
from edge_agent.model.moment import Moment, MomentKind
from tests.small_agent import SmallAgent
from tests.unit.debug.conftest import Client


def switch_on(tv: SmallAgent) -> None:
    tv.inject(ev.MomentArose(Moment(MomentKind.POWER_ON, tv.now())))


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/health", shapes.HealthView),
        ("/v1/state", shapes.StateView),
        ("/v1/screen", shapes.ScreenView),
        ("/v1/speaker", shapes.SpeakerView),
    ],
)
async def test_each_answer_has_exactly_the_fields_of_its_shape(loopback: Client, path: str, shape: type) -> None:
    answer = await loopback.get(path)
    assert answer.status == 200
    assert set(await answer.json()) == set(shape.__annotations__)


@pytest.mark.parametrize(
    ("path", "name", "shape"),
    [
        ("/v1/packs", "packs", shapes.PackView),
        ("/v1/decisions", "decisions", shapes.DecisionView),
        ("/v1/plays", "plays", shapes.PlayView),
    ],
)
async def test_each_list_holds_exactly_its_shape(
    loopback: Client, tv: SmallAgent, path: str, name: str, shape: type
) -> None:
    switch_on(tv)
    found: dict[str, list[dict[str, Any]]] = await (await loopback.get(path)).json()
    assert set(found) - {"budget_bytes"} == {name}
    assert found[name]
    assert all(set(item) == set(shape.__annotations__) for item in found[name])


async def test_lists_are_newest_first_and_limited(loopback: Client, tv: SmallAgent) -> None:
    for _ in range(3):
        switch_on(tv)
    found = (await (await loopback.get("/v1/decisions?limit=2")).json())["decisions"]
    assert [decision["outcome"] for decision in found] == ["refused", "refused"]
    everything = (await (await loopback.get("/v1/decisions")).json())["decisions"]
    assert len(everything) == 3
    assert found == everything[:2]


@pytest.mark.parametrize(
    "limit", ["0", "-1", "501", "x", "", "1.5", "٣", "99999999999999999999", "000000001" + "9" * 5000]
)
async def test_a_bad_limit_is_refused(loopback: Client, limit: str) -> None:
    answer = await loopback.get("/v1/plays", params={"limit": limit})
    assert answer.status == 400
    assert "`limit`" in (await answer.json())["error"]


async def test_metrics_are_prometheus_text(loopback: Client) -> None:
    answer = await loopback.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "edge_agent_packs 3.0" in await answer.text()


async def test_what_there_is_not_is_a_404_in_json(loopback: Client) -> None:
    for path in (
        "/nothing",
        "/v1",
        "/page/none.css",
        "/page/%2e%2e%2fport.py",
        "/page/..%2fport.py",
        "/page/port.py",
        "/page/%00.css",
        f"/page/{'x' * 300}.css",
    ):
        answer = await loopback.get(path)
        assert answer.status == 404, path
        assert set(await answer.json()) == {"error", "next_step"}


async def test_the_screen_shows_what_its_hook_shows(loopback: Client, tv: SmallAgent) -> None:
    dark = await (await loopback.get("/v1/screen")).json()
    assert dark["present"]
    assert not dark["on"]
    assert (await loopback.get("/v1/screen/asset")).status == 404
    switch_on(tv)
    lit = await (await loopback.get("/v1/screen")).json()
    assert lit["title"] == "Harbour Films"
    picture = await loopback.get("/" + lit["asset"])
    assert picture.headers["Content-Type"] == "image/svg+xml"
    assert "sandbox" in picture.headers["Content-Security-Policy"]
    assert b"Harbour Films" in await picture.read()


async def test_every_showing_has_an_address_of_its_own(loopback: Client, tv: SmallAgent) -> None:
    switch_on(tv)
    first = (await (await loopback.get("/v1/screen")).json())["asset"]
    tv.finish()
    assert (await (await loopback.get("/v1/screen")).json())["asset"] is None
    tv.engine = SmallAgent("tv", tv.engine.catalog, tv.folder).engine
    switch_on(tv)
    second = (await (await loopback.get("/v1/screen")).json())["asset"]
    assert second is not None
    assert second != first


async def test_the_last_sound_can_be_fetched_in_parts(speaking: Client, speaker: SmallAgent) -> None:
    assert (await speaking.get("/v1/speaker/last.wav")).status == 404
    speaker.inject(ev.MomentArose(Moment(MomentKind.ASSISTANT_ANSWERED, speaker.now(), "weather")))
    saying = await (await speaking.get("/v1/speaker")).json()
    assert saying["speaking"]
    assert saying["transcript"].startswith("Rain at four.")
    sound = await speaking.get("/" + saying["sound"], headers={"Range": "bytes=0-3"})
    assert sound.status == 206
    assert sound.headers["Content-Type"] == "audio/wav"
    assert await sound.read() == b"RIFF"


async def test_it_says_so_while_it_starts(loopback: Client, tv: SmallAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    health = tv.health()
    monkeypatch.setattr(tv, "health", lambda: {**health, "status": "starting"})
    assert (await loopback.get("/health")).status == 503
