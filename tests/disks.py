"""Full disks: a limit on this process's files, and a small disk, really mounted, to fill to the last byte."""

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """No file may grow past `limit` bytes: the kernel answers as it does on a full disk (EFBIG for ENOSPC)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


class SmallDisk:
    """A file system of its own at `path`. `fill` leaves no byte of it to anybody; `free` gives that back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._elses = path / "somebody-elses"

    def fill(self) -> None:
        """Let a file of somebody else's grow until the kernel says ENOSPC."""
        descriptor = os.open(self._elses, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            for step in (65536, 1):
                with suppress(OSError):
                    while os.write(descriptor, bytes(step)):
                        pass
        finally:
            os.close(descriptor)
        assert os.statvfs(self.path).f_bavail == 0

    def free(self) -> None:
        """Remove that file."""
        self._elses.unlink()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Let it take no writes, as a kernel does with a card that fails."""
        self._remount("ro")
        try:
            yield
        finally:
            self._remount("rw")

    def _remount(self, option: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{option}", str(self.path)], check=True)


@contextmanager
def small_disk(path: Path, megabytes: int = 4) -> Iterator[SmallDisk]:
    """Mount one at `path`. Skips the test where this user may not."""
    path.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("a small disk cannot be mounted: there is no mount")
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted: {done.stderr.strip()}")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
