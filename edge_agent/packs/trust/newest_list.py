"""The list of what is revoked that the metadata on the disk names, where it is newer than one that is known.

A disk may bring an older record back, whole; then what was signed last says more than the record does. Reads files.
"""

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Targets

from edge_agent.model.errors import FormatError
from edge_agent.packs.formats.revocations import TARGET, Revocations, parse_revocations
from edge_agent.packs.keeping.store import BlobStore
from edge_agent.packs.trust.repository import CONFIG_ROLE, signed_file


def newer_list(store: BlobStore, known: Revocations) -> bytes | None:
    """Return that list, or None: there is none, it is not here whole, or it is no newer than what is `known`."""
    try:
        role = Metadata[Targets].from_bytes((store.metadata / f"{CONFIG_ROLE}.json").read_bytes()).signed
        if not isinstance(role, Targets) or TARGET not in role.targets:
            return None
        content = store.document(signed_file(TARGET, role.targets[TARGET]).sha256)
        return content if content is not None and parse_revocations(content).version > known.version else None
    except (OSError, RepositoryError, FormatError):
        return None
