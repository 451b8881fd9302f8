"""Shell: a file that keeps room on the disk for the little that has to be written however full the disk is."""

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

RESERVE_BYTES: Final = 1 << 20
"""Several times what the metadata of a fleet, a list of what is revoked and the shelf's record take."""

FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""What a kernel says when there is no room."""

_STEP_BYTES: Final = 1 << 16


class Reserve:
    """The file at `path`. Methods block; whoever calls them owns its folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def fill(self) -> None:
        """Take what is missing of the room, or as much of it as there is: that is worth having, too.

        Bytes of chance, since some file systems would make next to nothing of zeros.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        with suppress(OSError):
            descriptor = os.open(self._path, flags, 0o600)
            try:
                while (missing := RESERVE_BYTES - os.fstat(descriptor).st_size) > 0:
                    os.write(descriptor, os.urandom(min(missing, _STEP_BYTES)))
            finally:
                os.close(descriptor)

    def spend_on(self, write: Callable[[], None]) -> None:
        """Do `write`; where the disk is full, once more in this room, what is left of which is taken again.

        Raises what `write` raises.
        """
        try:
            write()
        except OSError as error:
            if error.errno not in FULL:
                raise
            with suppress(OSError):
                self._path.unlink()
            try:
                write()
            finally:
                self.fill()
