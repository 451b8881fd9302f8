"""Who may read, who may act, and what every answer carries."""

import pytest
from aiohttp.test_utils import TestClient, TestServer

from edge_agent.debug.access import SECURITY_HEADERS, Access, names_loopback
from edge_agent.debug.application import make_application
from tests.small_agent import SmallAgent
from tests.unit.debug.conftest import TOKEN, Client


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8765", "localhost:9", "LocalHost", "[::1]:8765", "[::1]"])
def test_names_of_the_loopback_are_served(host: str) -> None:
    assert names_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8765",
        "127.0.0.1.evil.example",
        "localhost.evil.example:80",
        "::1",
        "10.0.0.1",
    ],
)
def test_any_other_name_is_not_served(host: str) -> None:
    assert not names_loopback(host)


@pytest.mark.parametrize("path", ["/", "/health", "/v1/state", "/v1/events", "/page/theme.css", "/nothing"])
async def test_a_rebound_name_gets_nothing_from_any_route(loopback: Client, path: str) -> None:
    answer = await loopback.get(path, headers={"Host": "evil.example:8765"})
    assert answer.status == 421
    assert "127.0.0.1" in (await answer.json())["error"]


async def test_a_rebound_name_cannot_act_even_with_the_token(acting: Client, tv: SmallAgent) -> None:
    answer = await acting.post("/v1/moments", json={"kind": "power_on"}, headers={"Host": "evil.example"})
    assert answer.status == 421
    assert not tv.decisions(1)


@pytest.mark.parametrize("path", ["/health", "/v1/state", "/v1/events", "/page/theme.css", "/nothing"])
async def test_a_page_of_another_site_is_refused_and_may_only_lead_here(loopback: Client, path: str) -> None:
    answer = await loopback.get(path, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status == 403
    assert (await loopback.get("/", headers={"Sec-Fetch-Site": "cross-site"})).status == 200
    own = await loopback.get(path, headers={"Sec-Fetch-Site": "same-origin"})
    own.close()
    assert own.status == (404 if path == "/nothing" else 200)


POSTS = {
    "/v1/moments": {"kind": "power_on"},
    "/v1/state": {"powered": False},
    "/v1/press": {"button": "close"},
    "/v1/slots": {"kind": "power_on", "format": "boot_screen"},
    "/v1/plays/x/events": {"event": "loaded", "t_ms": 1},
    "/v1/resident": {"consent": {"placements": False}},
    "/v1/erase": {},
    "/v1/standin/clock": {"now": "2026-11-21T08:00:00+00:00"},
}


def test_every_acting_route_is_tried_here(tv: SmallAgent) -> None:
    app = make_application(tv, Access.loopback(None))
    routes = {route.resource.canonical for route in app.router.routes() if route.method == "POST" and route.resource}
    assert routes == {path.replace("/x/", "/{play_id}/") for path in POSTS}


@pytest.mark.parametrize(("path", "body"), POSTS.items())
async def test_acting_needs_the_token(loopback: Client, tv: SmallAgent, path: str, body: object) -> None:
    before = tv.engine
    assert (await loopback.post(path, json=body)).status == 401
    for wrong in ("Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer", "Bearer \udcff", TOKEN):
        assert (await loopback.post(path, json=body, headers={"Authorization": wrong})).status == 403
    assert tv.engine is before


@pytest.mark.parametrize(("path", "body"), POSTS.items())
async def test_nobody_acts_where_there_is_no_token(tv: SmallAgent, path: str, body: object) -> None:
    before = tv.engine
    async with TestClient(TestServer(make_application(tv, Access.loopback(None)))) as client:
        for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer None"}):
            answer = await client.post(path, json=body, headers=headers)
            assert answer.status == 403
            assert (await answer.json())["next_step"]
    assert tv.engine is before


async def test_a_preflight_is_never_granted(loopback: Client) -> None:
    answer = await loopback.options(
        "/v1/moments",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Headers": "authorization"},
    )
    assert answer.status == 405
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/", "/health", "/v1/state", "/metrics", "/page/theme.css", "/nothing", "/v1/events"]
)
async def test_every_answer_carries_the_security_headers(loopback: Client, path: str) -> None:
    async with loopback.get(path) as answer:
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers[name] == value, name


async def test_the_page_may_load_nothing_from_elsewhere() -> None:
    policy = SECURITY_HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_the_token_does_not_show_in_a_log() -> None:
    assert TOKEN not in repr(Access.loopback(TOKEN))
