"""Shell: runs the operator's own command that brings the mirrors' folder to the mirrors."""

import shlex
import subprocess
import sys

from edge_agent.model.errors import SettingsError

_LATER = "The broker was told of nothing yet; run the same command again."


def run_upload(command: str) -> None:
    """Run `command`, without a shell, and wait for it; what it prints goes to stderr. An empty one is none.

    Raises SettingsError when it cannot be run or fails.
    """
    try:
        words = shlex.split(command)
        if not words:
            return
        code = subprocess.run(words, stdout=sys.stderr, check=False).returncode
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"The upload cannot be run ({command!r}): {why}.", _LATER) from error
    if code:
        raise SettingsError(f"The upload failed with exit code {code} ({command!r}).", _LATER)
