"""The collector's durable subscription to sealed reports (shell: sockets, a thread of paho's).

With MQTT 5.0 the broker keeps the session for 30 days while no collector is there; with 3.1.1, which has no word for
that, for ever.
"""

import contextlib
import logging
import queue
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_agent.link.reasons import FAILURES, UNSUPPORTED_VERSION, reason
from edge_agent.link.versions import Version, VersionChoice
from edge_agent.model.errors import LinkError, SettingsError

_log = logging.getLogger(__name__)

SESSION_KEPT_S: Final = 30 * 24 * 3600
BATCH: Final = 256
_NO_BROKER: Final = "Check that it is an MQTT broker."


@dataclass(frozen=True, slots=True)
class CollectorSettings:
    """Where to collect. `share` names a group of collectors that divide the reports among them (MQTT 5.0 only).

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
    protocol: Literal["auto", "5.0", "3.1.1"] = "auto"

    def __post_init__(self) -> None:
        """Raise SettingsError for a share name that would make another subscription of it (MQTT 5.0, 4.8.2)."""
        if self.share is not None and (not self.share or set(self.share) & set("/+#")):
            raise SettingsError(
                f'"{self.share}" cannot be the name of a group of collectors.',
                'Name it without "/", "+" and "#", such as evening.',
            )

    @property
    def topic_filter(self) -> str:
        """The subscription."""
        topics = f"{self.root}/report/+"
        return topics if self.share is None else f"$share/{self.share}/{topics}"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message and the connection that it came on: it may be acknowledged only there."""

    connection: int
    mid: int
    qos: int
    payload: bytes


class _NoAnswerError(LinkError):
    """Somebody took our CONNECT and gave no answer, which may be the version of MQTT."""


class _VersionError(LinkError):
    """The broker says that it does not take this version of MQTT."""


@contextlib.contextmanager
def subscribed(settings: CollectorSettings, ready: Callable[[], None]) -> Iterator["Subscription"]:
    """Subscribe, in a version of MQTT that the broker takes. Raises LinkError when it refuses or is not there."""
    if settings.share is not None and settings.protocol == "3.1.1":
        raise LinkError("MQTT 3.1.1 has no groups of collectors.", "Collect without --share, or over 5.0.")
    choice = VersionChoice(settings.protocol if settings.share is None else "5.0")
    version: Version | None = choice.first
    with contextlib.ExitStack() as stack:
        while version is not None:
            try:
                subscription = stack.enter_context(Subscription(settings, version, ready))
            except (_NoAnswerError, _VersionError) as error:
                version = choice.after(version, named=isinstance(error, _VersionError))
                if version is None:
                    raise
            else:
                break
        yield subscription


class Subscription:
    """A durable subscription. paho's thread only fills the queue; every decision is the caller's thread's."""

    def __init__(self, settings: CollectorSettings, version: Version, ready: Callable[[], None]) -> None:
        self._settings = settings
        self._modern = version is Version.V5
        self._where = f"The broker at {settings.host}:{settings.port}"
        self._ready = ready
        self._arrivals: queue.Queue[Arrival] = queue.Queue()
        self._connection = 0
        self._ever_ready = False
        self._first: queue.Queue[LinkError | None] = queue.Queue()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"edge-agent-collector-{settings.name}",
            protocol=MQTTProtocolVersion.MQTTv5 if self._modern else MQTTProtocolVersion.MQTTv311,
            clean_session=None if self._modern else False,
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
        try:
            self._client.connect(self._settings.host, self._settings.port, keepalive=30, **self._session())
        except OSError as error:
            raise LinkError(
                f"{self._where} cannot be reached: {error.strerror or error}.", "Check the address and that it runs."
            ) from error
        self._client.loop_start()
        try:
            refusal = self._first.get(timeout=20)
        except queue.Empty:
            refusal = _NoAnswerError(f"{self._where} did not answer within 20 seconds.", _NO_BROKER)
        if refusal is not None:
            self.__exit__()
            raise refusal
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def next_batch(self, wait_s: float) -> list[Arrival]:
        """Return what has arrived; wait up to `wait_s` for the first."""
        batch: list[Arrival] = []
        with contextlib.suppress(queue.Empty):
            batch.append(self._arrivals.get(timeout=wait_s))
            while len(batch) < BATCH:
                batch.append(self._arrivals.get_nowait())
        return batch

    def acknowledge(self, batch: list[Arrival]) -> None:
        """Tell the broker that these are safe. What came on a lost connection it sends again; the store drops it."""
        for arrival in batch:
            if arrival.connection == self._connection:
                self._client.ack(arrival.mid, arrival.qos)

    def _session(self) -> dict[str, Any]:
        if not self._modern:
            return {}
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_KEPT_S
        properties.ReceiveMaximum = 2 * BATCH
        return {"clean_start": False, "properties": properties}

    def _on_connect(
        self, client: mqtt.Client, _userdata: object, _flags: object, code: ReasonCode, _properties: object
    ) -> None:
        if code.is_failure:
            kind = _VersionError if code.value == UNSUPPORTED_VERSION else LinkError
            self._refused(kind(f"The broker refuses: {reason(code.value).what}.", reason(code.value).step))
            return
        self._connection += 1
        if self._connection > 1:
            _log.info("Connected to the broker again.")
        if self._modern:
            client.subscribe(self._settings.topic_filter, options=SubscribeOptions(qos=1))
        else:
            client.subscribe(self._settings.topic_filter, qos=1)

    def _on_subscribe(
        self, _client: mqtt.Client, _userdata: object, _mid: int, codes: list[ReasonCode], _properties: object
    ) -> None:
        refused = next((code.value for code in codes if code.is_failure), None)
        if refused is not None:
            what, step = reason(refused)
            self._refused(
                LinkError(f"The broker refuses the subscription: {what}.", f"Check its access rules. {step}")
            )
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
        self._arrivals.put(Arrival(self._connection, message.mid, message.qos, bytes(message.payload)))

    def _on_disconnect(
        self, _client: mqtt.Client, _userdata: object, _flags: object, code: ReasonCode, _properties: object
    ) -> None:
        if self._connection == 0:
            self._first.put(_NoAnswerError(f"{self._where} hung up without an answer.", _NO_BROKER))
        elif code.is_failure:
            why = "" if code.value == FAILURES else f" ({reason(code.value).what.lower()})"  # the line, or the broker
            _log.warning("The connection to the broker was lost%s and is tried again.", why)
