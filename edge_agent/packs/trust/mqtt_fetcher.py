"""Shell: lets python-tuf, which is synchronous and runs in a worker thread, fetch from our asynchronous source."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.ngclient import FetcherInterface

from edge_agent.model.errors import LinkError, NotRetainedError
from edge_agent.packs.source import MAX_METADATA_BYTES, METADATA_URL, Source, metadata_topic
from edge_agent.packs.trust.repository import Known, Repository, verify

_NOT_FOUND: Final = 404


class MqttFetcher(FetcherInterface):
    """python-tuf's way to the source. Made on the loop's thread, used in one worker thread, stopped from the loop's.

    A topic on which nothing is retained becomes HTTP 404, which is how python-tuf learns that there is no newer
    root (TUF 1.0.33, 5.3.3). Every other failure becomes DownloadError with the LinkError as its cause.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._loop = asyncio.get_running_loop()
        self._pending: Future[bytes] | None = None
        self._stopped = False

    def _fetch(self, url: str) -> Iterator[bytes]:
        if self._stopped:
            raise DownloadError("the agent is stopping")
        topic = metadata_topic(unquote(url.removeprefix(METADATA_URL)).removesuffix(".json"))
        pending = asyncio.run_coroutine_threadsafe(self._ask(topic), self._loop)
        self._pending = pending
        try:
            return iter((pending.result(),))
        except NotRetainedError as error:
            raise DownloadHTTPError(str(error), _NOT_FOUND) from error
        except LinkError as error:
            raise DownloadError(str(error)) from error
        except CancelledError as error:
            raise DownloadError("the agent is stopping") from error

    async def _ask(self, topic: str) -> bytes:
        return await self._source.fetch(topic, MAX_METADATA_BYTES)

    def stop(self) -> None:
        """Make the fetch that is under way, and every later one, fail at once."""
        self._stopped = True
        if self._pending is not None:
            self._pending.cancel()


async def verify_in_thread(
    directory: Path, bootstrap: bytes, source: Source, now: datetime, known: Known
) -> Repository:
    """Do `repository.verify` in a worker thread. Cancelling it waits until that thread is done with the directory."""
    fetcher = MqttFetcher(source)
    work = asyncio.ensure_future(asyncio.to_thread(verify, directory, bootstrap, fetcher, now, known))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        fetcher.stop()
        await asyncio.gather(work, return_exceptions=True)
        raise
