"""A file is the old one or the new one, whatever happens while it is written."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.durable import write_durably


def test_it_replaces_a_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "record"
    write_durably(path, [b"old"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    write_durably(path, (b"n", b"ew"), 0o644)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_half_way_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "record"
    path.write_bytes(b"old")

    def parts() -> Iterator[bytes]:
        yield b"half of the n"
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        write_durably(path, parts())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"somebody else's")
    path = tmp_path / "record"
    path.symlink_to(outside)
    write_durably(path, [b"ours"])
    assert outside.read_bytes() == b"somebody else's"
    assert not path.is_symlink()
