"""Passes over a next root that does not verify, so that it hinders nothing else. Runs in a worker thread.

Whoever can put a false root under the next number can as well withhold the true one: a device is then without its
next root in both cases. TUF (1.0.33, 5.3.4) ends the look at a false one; here it counts as none (5.3.3), since a
broker could otherwise keep every device from hearing of a revocation by one message.
"""

import re
from collections.abc import Iterator
from typing import Final

from tuf.api.exceptions import DownloadError, DownloadHTTPError, DownloadLengthMismatchError, RepositoryError
from tuf.api.metadata import Timestamp
from tuf.ngclient import FetcherInterface

from edge_agent.model.errors import OversizeError
from edge_agent.packs.source import METADATA_URL

_ROOT: Final = re.compile(r".*/[0-9]+\.root\.json")
_NOT_FOUND: Final = 404


class NextRootFetcher(FetcherInterface):
    """Another fetcher, without the root that `pass_over` was told of. Nothing goes through a temporary file."""

    def __init__(self, fetcher: FetcherInterface) -> None:
        self._fetcher = fetcher
        self._asked = ""
        self._false = ""
        self.timestamp = b""
        """What came last as the timestamp."""

    def _fetch(self, url: str) -> Iterator[bytes]:
        if url == self._false:
            raise DownloadHTTPError("it did not verify", _NOT_FOUND)
        self._asked = url
        return self._fetcher.fetch(url)

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """As in FetcherInterface, which writes them to a temporary file: that cannot be on a full disk."""
        content = b"".join(self.fetch(url))
        if len(content) > max_length:
            raise DownloadLengthMismatchError(
                f"{len(content)} bytes came, more than the {max_length} that are allowed"
            )
        if url == f"{METADATA_URL}{Timestamp.type}.json":
            self.timestamp = content
        return content

    def pass_over(self, error: Exception) -> bool:
        """Whether `error` is about the root that was asked for last, which is false or endless; leave it out then.

        True once at most: after a root that is not there no further one is asked for.
        """
        is_false = isinstance(error, RepositoryError | DownloadLengthMismatchError) or (
            isinstance(error, DownloadError) and isinstance(error.__cause__, OversizeError)
        )
        if self._false or not is_false or _ROOT.fullmatch(self._asked) is None:
            return False
        self._false = self._asked
        return True
