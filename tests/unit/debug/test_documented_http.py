"""docs/http.md has every address, message and field that there is, and no other."""

import json
import re
from typing import Final, get_args, get_type_hints

from edge_agent.debug.access import Access
from edge_agent.debug.application import make_application
from edge_agent.debug.messages import LiveMessage
from edge_agent.model.device import ResidentLimits
from tests.documents import DOCS, first_cells, shape
from tests.small_agent import SmallAgent
from tests.unit.debug.conftest import Client

DOCUMENT: Final = (DOCS / "http.md").read_text("utf-8")


async def test_every_address_is_in_a_table(tv: SmallAgent) -> None:
    answered = {
        (route.method, route.resource.canonical)
        for route in make_application(tv, Access.unix_socket()).router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    told = {("GET", address.partition("?")[0]) for address in first_cells(DOCUMENT, "## Reading")}
    told |= {("POST", address.replace("{id}", "{play_id}")) for address in first_cells(DOCUMENT, "## Acting")}
    assert told == answered - {("GET", "/page/{name}")}


def test_every_message_of_the_live_feed_is_named() -> None:
    types = {get_args(get_type_hints(message)["type"])[0] for message in get_args(LiveMessage)}
    paragraph = DOCUMENT.partition("`/v1/events` sends")[2].partition("curl")[0]
    assert {name for name in types if not re.search(rf'[`"]{name}[`"]', paragraph)} == set()


async def test_an_answered_slot_has_the_fields_of_the_example(speaking: Client) -> None:
    example = re.search(r'^ {4}(\{"outcome": "selected".*?\}\}\})$', DOCUMENT, re.MULTILINE | re.DOTALL)
    assert example is not None
    asked = {"kind": "assistant_answered", "topic": "weather", "format": "voice_mention"}
    answer = await (await speaking.post("/v1/slots", json=asked)).json()
    assert shape(json.loads(example[1].replace("{…}", "{}"))) == shape(answer | {"said": {}})


def test_every_limit_of_the_resident_is_named() -> None:
    paragraph = DOCUMENT.partition("The resident's `limits` are")[2].partition("\n\n")[0]
    assert {name for name in ResidentLimits.model_fields if f"`{name}`" not in paragraph} == set()
