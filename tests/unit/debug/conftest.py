"""A small whole agent, and a client at each of its two doors."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from edge_agent.debug.access import Access
from edge_agent.debug.application import make_application
from edge_agent.model.catalog import Catalog
from tests.small_agent import SmallAgent
from tests.small_shelf import small_shelf

TOKEN = "a-token-of-the-tests"
Client = TestClient[web.Request, web.Application]


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    folder = tmp_path / "shelf"
    folder.mkdir()
    return small_shelf(folder)


@pytest.fixture
def tv(tmp_path: Path, catalog: Catalog) -> SmallAgent:
    return SmallAgent("tv", catalog, tmp_path / "tv")


@pytest.fixture
def speaker(tmp_path: Path, catalog: Catalog) -> SmallAgent:
    return SmallAgent("speaker", catalog, tmp_path / "speaker")


@pytest.fixture
async def loopback(tv: SmallAgent) -> AsyncIterator[Client]:
    """The TV's loopback door, which has a token; requests carry none of themselves."""
    async with TestClient(TestServer(make_application(tv, Access.loopback(TOKEN)))) as client:
        yield client


@pytest.fixture
async def acting(tv: SmallAgent) -> AsyncIterator[Client]:
    """The TV's loopback door with its token on every request."""
    server = TestServer(make_application(tv, Access.loopback(TOKEN)))
    async with TestClient(server, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client


@pytest.fixture
async def speaking(speaker: SmallAgent) -> AsyncIterator[Client]:
    """The speaker's door, acting."""
    async with TestClient(TestServer(make_application(speaker, Access.unix_socket()))) as client:
        yield client
