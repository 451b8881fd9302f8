"""What python-tuf's errors say to a person."""

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    UnsignedMetadataError,
)

from edge_agent.model.errors import EdgeAgentError, LinkError, NotRetainedError, StorageError, UntrustedError


def translate(error: Exception, what: str = "The repository") -> EdgeAgentError:
    """Return python-tuf's error as one of ours: what happened, and what a person does about it."""
    kept, why = "What is on the device stays as it was.", str(error).rstrip(".")
    match error:
        case ExpiredMetadataError():
            return UntrustedError(
                f"{what} is not fresh: {why}.",
                f"Run \"edge-agent fleet refresh\" at the operator's, or set this device's clock. {kept}",
            )
        case UnsignedMetadataError():
            return UntrustedError(
                f"{what} is not signed by the keys that this device trusts: {why}.",
                f"Somebody may be tampering with the broker, or root.json is another fleet's. {kept}",
            )
        case BadVersionNumberError() | LengthOrHashMismatchError():
            return UntrustedError(
                f"{what} was rolled back or mixed: {why}.",
                f"Publish again; if it stays, somebody may be tampering with the broker. {kept}",
            )
        case RepositoryError() | DownloadLengthMismatchError():
            return UntrustedError(f"{what} has metadata that cannot be believed: {why}.", f"Publish again. {kept}")
        case DownloadError():
            return _from_download(error, what)
        case _:
            return StorageError(f"The repository's metadata cannot be kept: {why}.", "Free some space.")


def _from_download(error: DownloadError, what: str) -> EdgeAgentError:
    cause = error.__cause__
    if isinstance(cause, NotRetainedError):
        return NotRetainedError(cause.topic)
    if isinstance(cause, LinkError):
        return cause
    return LinkError(f"{what} cannot be fetched: {error}.", "It is tried again by itself.")
