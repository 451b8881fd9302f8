"""Shell: one command at a time in a folder of signed things."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_agent.model.errors import SettingsError


@contextmanager
def sole_command_in(directory: Path) -> Iterator[None]:
    """Hold `directory` for this command. Raises SettingsError while another does, or where it cannot be changed.

    Read the folder inside: two commands that begin with the same state sign the same version twice.
    """
    try:
        file = (directory / ".lock").open("w")
    except OSError as error:
        raise SettingsError(
            f"{directory} cannot be changed: {error.strerror or error}.", "Check who owns it."
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SettingsError(f"Another command is working on {directory}.", "Wait until it is done.") from error
        yield
