"""The collector: take sealed reports from the broker and count them (shell: sockets, a thread of paho's).

A message is acknowledged after its batch is on the collector's disk, and the broker keeps a durable session while
the collector is away; so a collector that is killed loses nothing that the broker can hold. Mosquitto holds 1,000
messages a session unless `max_queued_messages` says otherwise; the embedded broker holds none for a client without a
user name, so that with it the collector has to run all the time.
"""

import contextlib
import logging
import queue
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_agent.fleet.opening import OLDEST, Opener, Tally
from edge_agent.fleet.report_key import opening_keys
from edge_agent.fleet.report_store import STORE_NAME, ReportStore
from edge_agent.model.errors import LinkError

_log = logging.getLogger(__name__)

SESSION_KEPT_S: Final = 30 * 24 * 3600
IDLE_S: Final = 2.0
"""With `once`: the broker has nothing more when nothing came for this long."""
BATCH: Final = 256


@dataclass(frozen=True, slots=True)
class CollectorSettings:
    """Where to collect. `share` names a group of collectors that divide the reports among them (MQTT 5 only).

    `name` tells collectors apart: the broker keeps what is meant for it under this name.
    """

    host: str
    port: int
    fleet_dir: Path
    root: str = "edge"
    name: str = "main"
    share: str | None = None
    user: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None

    @property
    def topic_filter(self) -> str:
        """The subscription."""
        topics = f"{self.root}/report/+"
        return topics if self.share is None else f"$share/{self.share}/{topics}"


@dataclass(frozen=True, slots=True)
class _Arrival:
    """One message and the connection that it came on: it may be acknowledged only there."""

    connection: int
    mid: int
    qos: int
    payload: bytes


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
    keys = opening_keys(settings.fleet_dir)
    store = ReportStore(settings.fleet_dir / STORE_NAME)
    try:
        store.forget_seen_before(today() - OLDEST)
        opener = Opener(store, keys, today)
        with _Subscription(settings, ready) as subscription:
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


class _Subscription:
    """A durable subscription. paho's thread only fills the queue; every decision is the caller's thread's."""

    def __init__(self, settings: CollectorSettings, ready: Callable[[], None]) -> None:
        self._settings = settings
        self._ready = ready
        self._arrivals: queue.Queue[_Arrival] = queue.Queue()
        self._connection = 0
        self._ever_ready = False
        self._first: queue.Queue[LinkError | None] = queue.Queue()
        five = settings.share is not None
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"edge-agent-collector-{settings.name}",
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            clean_session=None if five else False,
            manual_ack=True,
        )
        if settings.user is not None:
            self._client.username_pw_set(settings.user, settings.password)
        if settings.tls is not None:
            self._client.tls_set_context(settings.tls)
        self._client.reconnect_delay_set(1, 60)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_disconnect = self._on_disconnect

    def __enter__(self) -> Self:
        where = f"The broker at {self._settings.host}:{self._settings.port}"
        try:
            self._client.connect(self._settings.host, self._settings.port, keepalive=30, **self._session())
        except OSError as error:
            raise LinkError(
                f"{where} cannot be reached: {error.strerror or error}.", "Check the address and that it runs."
            ) from error
        self._client.loop_start()
        try:
            refusal = self._first.get(timeout=20)
        except queue.Empty:
            refusal = LinkError(f"{where} did not answer within 20 seconds.", "Check that it is an MQTT broker.")
        if refusal is not None:
            self.__exit__()
            raise refusal
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def next_batch(self, wait_s: float) -> list[_Arrival]:
        """Return what has arrived; wait up to `wait_s` for the first."""
        batch: list[_Arrival] = []
        with contextlib.suppress(queue.Empty):
            batch.append(self._arrivals.get(timeout=wait_s))
            while len(batch) < BATCH:
                batch.append(self._arrivals.get_nowait())
        return batch

    def acknowledge(self, batch: list[_Arrival]) -> None:
        """Tell the broker that these are safe. What came on a lost connection it sends again; the store drops it."""
        for arrival in batch:
            if arrival.connection == self._connection:
                self._client.ack(arrival.mid, arrival.qos)

    def _session(self) -> dict[str, Any]:
        if self._settings.share is None:
            return {}
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_KEPT_S
        return {"clean_start": False, "properties": properties}

    def _on_connect(
        self, client: mqtt.Client, _userdata: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            self._refused(
                LinkError(f"The broker refuses: {reason}.", "Check the user, password and its access rules.")
            )
            return
        self._connection += 1
        if self._connection > 1:
            _log.info("Connected to the broker again.")
        if self._settings.share is None:
            client.subscribe(self._settings.topic_filter, qos=1)
        else:
            client.subscribe(self._settings.topic_filter, options=SubscribeOptions(qos=1))

    def _on_subscribe(
        self, _client: mqtt.Client, _userdata: object, _mid: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        refused = next((reason for reason in reasons if reason.is_failure), None)
        if refused is not None:
            self._refused(LinkError(f"The broker refuses the subscription: {refused}.", "Check its access rules."))
            return
        self._ever_ready = True
        self._first.put(None)
        self._ready()

    def _refused(self, error: LinkError) -> None:
        """Tell whoever waits for the first connection; later, only the log: paho goes on trying."""
        if self._ever_ready:
            _log.error("%s", error.for_person())
        self._first.put(error)

    def _on_message(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        self._arrivals.put(_Arrival(self._connection, message.mid, message.qos, bytes(message.payload)))

    def _on_disconnect(
        self, _client: mqtt.Client, _userdata: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            _log.warning("The connection to the broker was lost (%s) and is tried again.", str(reason).lower())
