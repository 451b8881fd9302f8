"""Who the database belongs to, what becomes of a damaged one, full disks, and reading it from outside."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from edge_agent.database import open_database, open_to_read
from edge_agent.model.errors import StorageError

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


def test_what_was_damaged_is_moved_aside_with_its_log_and_is_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "agent.db"
    (tmp_path / "agent.db.damaged-wal").write_bytes(b"of an earlier damage")
    with closing(open_database(path, SCHEMA)) as another:  # whoever is last takes the log away with it
        another.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with path.open("r+b") as file:
            file.write(b"no database at all")
        open_database(path, SCHEMA).close()
        open_database(path, SCHEMA).close()
        beside = {"agent.db.damaged-wal", "agent.db.damaged-shm"}
        assert {found.name for found in tmp_path.iterdir()} == {"agent.db", "agent.db.damaged", *beside}
        assert (tmp_path / "agent.db.damaged-wal").read_bytes() == b""
    (told,) = [record.getMessage() for record in caplog.records]
    assert told == (
        f"The database {path} was damaged (file is not a database) and is kept as {path}.damaged; a new one is begun."
    )


def test_a_log_of_an_earlier_damage_does_not_stay_beside_another_database(tmp_path: Path) -> None:
    (tmp_path / "agent.db.damaged-wal").write_bytes(b"of an earlier damage")
    (tmp_path / "agent.db").write_bytes(b"no database at all" * 100)
    open_database(tmp_path / "agent.db", SCHEMA).close()
    assert {found.name for found in tmp_path.iterdir()} == {"agent.db", "agent.db.damaged"}


@pytest.mark.parametrize("whole", [True, False])
def test_damage_further_inside_is_found_by_who_looks_at_the_whole(tmp_path: Path, whole: bool) -> None:
    path = tmp_path / "agent.db"
    with closing(open_database(path, SCHEMA)) as database:
        database.executemany("INSERT INTO t VALUES (?)", [(number,) for number in range(5000)])
    content = path.read_bytes()
    path.write_bytes(content[:-4096] + b"\xa5" * 4096)
    with closing(open_database(path, SCHEMA, whole=whole)) as database:
        if whole:
            assert database.execute("SELECT sum(n) FROM t").fetchone()[0] is None
        else:
            with pytest.raises(sqlite3.DatabaseError, match="malformed"):
                database.execute("SELECT sum(n) FROM t").fetchone()
    assert (tmp_path / "agent.db.damaged").exists() is whole


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "agent.db", SCHEMA)) as database:
        database.execute("INSERT INTO t VALUES (1)")
    with closing(open_database(tmp_path / "agent.db", SCHEMA)) as database:
        assert database.execute("SELECT n FROM t").fetchone()[0] == 1


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in the folder's place", encoding="utf-8")
    with pytest.raises(StorageError, match="cannot be opened") as caught:
        open_database(tmp_path / "state" / "agent.db", SCHEMA)
    assert "\n" not in caught.value.for_person()
    assert caught.value.next_step


_ON_A_FULL_DISK: Final = """
import resource, sys
from pathlib import Path
from edge_agent.database import open_database, open_to_read
from edge_agent.model.errors import StorageError
from edge_agent.model.errors import StorageError
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    open_database(Path(sys.argv[1]), "CREATE TABLE IF NOT EXISTS t (n INTEGER)")
except StorageError as error:
    print(error.for_person())
else:
    print("opened")
"""


def opened_on_a_full_disk(path: Path, room_bytes: int) -> str:
    """Open a database where no file may grow past `room_bytes`, and return what was said."""
    done = subprocess.run(
        [sys.executable, "-c", _ON_A_FULL_DISK, str(path), str(room_bytes)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


def test_a_disk_that_is_full_from_the_start_is_one_sentence(tmp_path: Path) -> None:
    said = opened_on_a_full_disk(tmp_path / "agent.db", 0)
    assert "cannot be opened" in said
    assert said.endswith("Free some space, or check the disk and who owns it.")
    assert opened_on_a_full_disk(tmp_path / "agent.db", 1 << 20) == "opened", "what was begun is no damage later"
    assert not list(tmp_path.glob("*.damaged*"))


def test_a_disk_that_is_full_later_does_not_keep_the_database_from_being_opened(tmp_path: Path) -> None:
    open_database(tmp_path / "agent.db", SCHEMA).close()
    assert opened_on_a_full_disk(tmp_path / "agent.db", 32 * 1024) == "opened"


def test_reading_changes_nothing_whether_or_not_somebody_writes(tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    with closing(open_database(path, SCHEMA)) as writer:
        writer.execute("INSERT INTO t VALUES (1)")
        with closing(open_to_read(path)) as reader:
            assert reader.execute("SELECT n FROM t").fetchone()["n"] == 1, "what is only in the log so far"
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                reader.execute("INSERT INTO t VALUES (2)")
    assert [found.name for found in tmp_path.iterdir()] == ["agent.db"]
    with closing(open_to_read(path)) as reader:
        assert reader.execute("SELECT count(*) AS n FROM t").fetchone()["n"] == 1
        assert [found.name for found in tmp_path.iterdir()] == ["agent.db"], "no log is made beside it"


def test_what_is_not_there_is_not_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        open_to_read(tmp_path / "agent.db").execute("SELECT 1")
    assert not list(tmp_path.iterdir())
