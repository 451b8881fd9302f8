"""Who the database belongs to, and what becomes of a damaged one."""

import os
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from edge_agent.database import open_database

SCHEMA: Final = "CREATE TABLE IF NOT EXISTS t (n INTEGER)"
AGENT: Final = 7001

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


@as_root
def test_what_root_opens_first_belongs_to_the_agent(tmp_path: Path) -> None:
    os.chown(tmp_path, AGENT, AGENT)
    with closing(open_database(tmp_path / "agent.db", SCHEMA)) as database:
        database.execute("INSERT INTO t VALUES (1)")
        made = {path.name: path.stat().st_uid for path in tmp_path.iterdir()}
    assert made.keys() >= {"agent.db", "agent.db-wal"}
    assert set(made.values()) == {AGENT}


@as_root
def test_so_does_the_new_one_after_a_damage(tmp_path: Path) -> None:
    os.chown(tmp_path, AGENT, AGENT)
    (tmp_path / "agent.db").write_bytes(b"no database at all" * 100)
    with closing(open_database(tmp_path / "agent.db", SCHEMA)) as database:
        assert database.execute("SELECT count(*) FROM t").fetchone()[0] == 0
    assert (tmp_path / "agent.db").stat().st_uid == AGENT
    assert (tmp_path / "agent.db.damaged").read_bytes().startswith(b"no database")


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "agent.db", SCHEMA)) as database:
        database.execute("INSERT INTO t VALUES (1)")
    with closing(open_database(tmp_path / "agent.db", SCHEMA)) as database:
        assert database.execute("SELECT n FROM t").fetchone()[0] == 1
