"""`edge-agent explain --packs`: the shelf of a running agent, in the order in which it would go."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge_agent.cli.explain_packs import shelf_sentences
from edge_agent.debug.serving import serve
from edge_agent.debug.shapes import PackView
from edge_agent.debug.views import pack_view
from edge_agent.model.errors import FormatError, LinkError, StorageError
from edge_agent.model.shelf_room import RoomFate, RoomPlace, RoomReason
from edge_agent.settings.rooms import DebugSettings
from tests.sentences import said
from tests.small_agent import SmallAgent
from tests.small_shelf import small_shelf
from tests.unit.cli.commands import Done, edge_agent_beside

PLACES = {
    place.name: place
    for place in (
        RoomPlace(
            "umbra/summer",
            1,
            RoomFate.FIRST,
            RoomReason.OVER,
            datetime(2026, 11, 1, tzinfo=UTC),
            5000,
            said("Goes."),
        ),
        RoomPlace(
            "harbour/summer",
            2,
            RoomFate.STAYS,
            RoomReason.NOW,
            datetime(2026, 11, 21, tzinfo=UTC),
            10,
            said("Stays."),
        ),
    )
}


class Shelf(SmallAgent):
    """An agent whose packs have places."""

    def packs(self) -> Sequence[PackView]:
        return [pack_view(pack, None, PLACES.get(pack.name)) for pack in self.engine.catalog.packs]


async def explain(*words: str) -> Done:
    return await edge_agent_beside("explain", "--packs", *words)


@pytest.fixture
async def socket(tmp_path: Path) -> AsyncIterator[str]:
    (tmp_path / "shelf").mkdir()
    agent = Shelf("tv", small_shelf(tmp_path / "shelf"), tmp_path / "tv")
    path = tmp_path / "agent.sock"
    async with serve(agent, DebugSettings(port=None, socket=path)):
        yield str(path)


async def test_what_goes_first_is_said_first_and_why(socket: str) -> None:
    done = await explain("--socket", socket)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith(" 1. umbra/summer, version 1, ")
    assert lines[1] == "    Goes. 5 KiB would be free."
    assert lines[2].startswith(" 2. harbour/summer")
    assert lines[4].startswith("  - larder/summer"), "what asks for no room comes last"
    assert "256.0 MiB" in done.err


async def test_for_programs_it_is_json(socket: str) -> None:
    found: dict[str, Any] = json.loads((await explain("--socket", socket, "--json")).out)
    assert [pack["name"] for pack in found["packs"]] == ["umbra/summer", "harbour/summer", "larder/summer"]
    assert found["packs"][0]["room"]["reason"] == "over"
    assert found["budget_bytes"] == 2**28


class EmptyShelf(SmallAgent):
    """An agent that has no pack."""

    def packs(self) -> Sequence[PackView]:
        return []


async def test_what_was_refused_is_named_on_an_empty_shelf_too(tmp_path: Path) -> None:
    (tmp_path / "shelf").mkdir()
    agent = EmptyShelf("tv", small_shelf(tmp_path / "shelf"), tmp_path / "tv")
    agent.troubles.begin("broker", LinkError("Nobody answers."))
    path = tmp_path / "agent.sock"
    async with serve(agent, DebugSettings(port=None, socket=path)):
        assert "nothing was published" in (await explain("--socket", str(path))).err
        agent.troubles.begin(
            "manifest acme/spring", FormatError("The pack acme/spring has no flight.", "Correct it.")
        )
        agent.troubles.begin("pack acme/film", StorageError("It has 99 bytes too much.", "Raise the budget."))
        told = await explain("--socket", str(path))
        listed = json.loads((await explain("--socket", str(path), "--json")).out)["problems"]
    assert told.out.splitlines() == [
        "  - The pack acme/spring has no flight. Correct it.",
        "  - pack acme/film: It has 99 bytes too much. Raise the budget.",
    ]
    assert "nothing was published" not in told.err
    assert [problem["subject"] for problem in listed] == ["manifest acme/spring", "pack acme/film"]


async def test_without_an_agent_it_says_what_to_do(tmp_path: Path) -> None:
    done = await explain("--socket", str(tmp_path / "nobody.sock"))
    assert (done.code, done.out) == (1, "")
    assert "No agent listens" in done.err


def test_why_a_pack_waits_stands_below_its_place(tmp_path: Path) -> None:
    pack = small_shelf(tmp_path).packs[0]
    place = RoomPlace(
        pack.name, 0, RoomFate.OUT, RoomReason.ARRIVING, datetime(2026, 11, 1, tzinfo=UTC), 0, said("Out.")
    )
    assert shelf_sentences([dict(pack_view(pack, said("It does not fit."), place))])[1:] == [
        "    Out.",
        "    It does not fit.",
    ]
