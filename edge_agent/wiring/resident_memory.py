"""The resident's newest choice, made durable (shell: timers): tried again for as long as the disk refuses."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from edge_agent.model.device import Consent, ResidentLimits
from edge_agent.model.errors import StorageError
from edge_agent.settings.resident import ResidentStore
from edge_agent.troubles import Troubles

DISK_RETRY_S: Final = 5.0
"""How long until a disk that refused is tried again."""


class ResidentMemory:
    """Keeps what was chosen last in `store`, the mute too; the agent lives by it already, written down or not.

    Belongs to the event loop's thread.
    """

    def __init__(self, store: ResidentStore, troubles: Troubles, *, retry_s: float = DISK_RETRY_S) -> None:
        self._store = store
        self._trouble = troubles.about("memory of the resident's choice")
        self._retry_s = retry_s
        self._unwritten: dict[str, Callable[[], None]] = {}
        self._retry: asyncio.TimerHandle | None = None

    def remember(self, consent: Consent, limits: ResidentLimits) -> None:
        """Write the choice down before returning, or as soon as the disk takes it."""
        self._unwritten["choice"] = partial(self._store.save, consent, limits)
        self._write()

    def remember_mute(self, *, on: bool) -> None:
        """Write down whether the microphone is muted, as `remember` does."""
        self._unwritten["mute"] = partial(self._store.save_muted, on=on)
        self._write()

    def close(self) -> None:
        """Try once more what is not written, and close the store."""
        self._write()
        self._cancel()
        self._store.close()

    def _write(self) -> None:
        self._cancel()
        if not self._unwritten:
            return
        try:
            for name, write in list(self._unwritten.items()):
                write()
                del self._unwritten[name]
        except StorageError as error:
            self._trouble.begin(error)
            self._retry = asyncio.get_running_loop().call_later(self._retry_s, self._write)
        else:
            self._trouble.end()

    def _cancel(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
