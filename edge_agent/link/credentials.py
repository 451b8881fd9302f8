"""Who the agent is to the broker and whom it takes for the broker (shell: reads files).

Files are read for every attempt to connect, so that rotated passwords and certificates need no restart.
"""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from edge_agent.model.errors import LinkError


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name and password; the password does not appear in `repr`."""

    user: str
    password: str = field(repr=False)


def read_credentials(path: Path) -> Credentials:
    """Read `user:password` from the first line of a file. Raises LinkError; never quotes the file's content."""
    try:
        line = path.read_text("utf-8").partition("\n")[0].rstrip("\r")
    except OSError as error:
        raise LinkError(
            f"The credentials file {path} cannot be read: {error.strerror}.",
            "Check that it exists and that the agent's user may read it.",
        ) from error
    except UnicodeDecodeError as error:
        raise LinkError(f"The credentials file {path} is not UTF-8 text.", "Write it as user:password.") from error
    user, colon, password = line.partition(":")
    if not user or not colon:
        raise LinkError(f"The credentials file {path} does not hold user:password.", "Write it on its first line.")
    return Credentials(user, password)


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that verifies the broker's name and chain, against `ca_file` or the system's authorities."""
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise LinkError(
            f"The certificate authority file {ca_file} cannot be used: {error.strerror or error}.",
            "Give a PEM file of the authority that signed the broker's certificate.",
        ) from error
