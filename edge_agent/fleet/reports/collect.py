"""The collector: take sealed reports from the broker and count them (shell: sockets, a thread of paho's).

A message is acknowledged after its batch is on the collector's disk, and the broker keeps a durable session while
the collector is away; so a collector that is killed loses nothing that the broker can hold. Mosquitto holds 1,000
messages a session unless `max_queued_messages` says otherwise; the embedded broker holds none for a client without a
user name, so that with it the collector has to run all the time.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from typing import Final

from edge_agent.fleet.reports.key_folder import opening_keys
from edge_agent.fleet.reports.opening import OLDEST, Opener, Tally
from edge_agent.fleet.reports.store import STORE_NAME, ReportStore
from edge_agent.fleet.reports.subscription import CollectorSettings, subscribed

IDLE_S: Final = 2.0
"""With `once`: the broker has nothing more when nothing came for this long."""


def collect(
    settings: CollectorSettings,
    stop: threading.Event,
    *,
    once: bool = False,
    seconds: float | None = None,
    ready: Callable[[], None] = lambda: None,
    today: Callable[[], date] = lambda: datetime.now(UTC).date(),
) -> Tally:
    """Collect until `stop` is set, for `seconds`, or (`once`) until the broker has nothing more.

    `ready` is called when the broker has confirmed the subscription, again after each reconnect. Raises FormatError
    without a private key, LinkError when the broker cannot be reached at first or refuses, StorageError when the
    disk does. A connection that is lost later is made again, for ever.
    """
    read_keys = partial(opening_keys, settings.fleet_dir)
    read_keys()  # without one, nothing is taken
    store = ReportStore(settings.fleet_dir / STORE_NAME)
    try:
        store.forget_seen_before(today() - OLDEST)
        opener = Opener(store, read_keys, today)
        with subscribed(settings, ready) as subscription:
            deadline = None if seconds is None else time.monotonic() + seconds
            while not stop.is_set() and (deadline is None or time.monotonic() < deadline):
                batch = subscription.next_batch(IDLE_S if once else 0.25)
                if batch:
                    opener.take([arrival.payload for arrival in batch])
                    subscription.acknowledge(batch)
                elif once:
                    break
        return opener.tally
    finally:
        store.close()
