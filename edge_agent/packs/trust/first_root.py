"""The root.json of provisioning, on which everything rests: whether it is one at all. Pure."""

from pathlib import Path

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root

from edge_agent.model.errors import UntrustedError


def refuse_damaged(content: bytes, path: Path) -> None:
    """Raise UntrustedError unless `content`, which was read from `path`, is a root that its own keys have signed.

    Half of one, or one in which a bit has changed, must not pass for another fleet's: then all that is kept would go.
    """
    try:
        found = Metadata[Root].from_bytes(content)
        if isinstance(found.signed, Root):
            found.signed.verify_delegate(Root.type, found.signed_bytes, found.signatures)
            return
    except (RepositoryError, ValueError):
        pass
    raise UntrustedError(
        f"{path} is no root of trust: it is damaged, or something else. Nothing plays without it.",
        "Copy root.json from the fleet folder there. What is on the device stays as it was.",
    )
