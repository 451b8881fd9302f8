"""aiomqtt's client, less its faults, and with what brokers say in MQTT 5.0 (shell: sockets, through aiomqtt).

aiomqtt 2.5 drops a broker's offers and its reasons on the way, waits out the timeout after a broker that hung up
unasked, leaves the socket open after an attempt that was not answered and after garbage, and forgets a disconnection
that comes together with the CONNACK. Both it and paho read a packet of any length into memory.
"""

import asyncio
import contextlib
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

import aiomqtt
import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_agent.link.inflow import Acknowledged, PassedOver, Plain, abuse
from edge_agent.link.inlet import Inlet
from edge_agent.link.offer import BrokerOffer
from edge_agent.link.reasons import FAILURES, UNSUPPORTED_VERSION, Reason, reason
from edge_agent.link.versions import Version

MOST_TAKEN_BYTES: Final = 2**20 + 2**10
"""Our Maximum Packet Size: the largest message that anybody here takes (1 MiB), with its topic.

With 3.1.1, which cannot tell the broker, larger ones are let go by. Cutting the connection would let whoever may
publish keep a device away with one retained message.
"""

_RECEIVE_MAXIMUM: Final = 20
_OPTIONS: Final = tuple(SubscribeOptions(qos=qos) for qos in (0, 1))
_LOCAL: Final = {
    0x80: "the connection was lost",
    0x82: "what it says is not MQTT",
    0x8D: "it fell silent",
}
"""What paho makes of what it noticed itself; from a broker these codes have their own meaning."""

_GOODBYE: Final = Reason("it ended the connection", "")


OnPassedOver = Callable[[PassedOver], None]
"""Told of each message that is too long to be read."""


class WireClient(aiomqtt.Client):
    """One attempt to connect, and the connection. Takes what aiomqtt's client takes, `version` and `pass_over`."""

    def __init__(
        self, hostname: str, port: int, *, version: Version, keepalive: int, pass_over: OnPassedOver, **rest: Any
    ) -> None:
        modern = version is Version.V5
        super().__init__(
            hostname,
            port,
            protocol=aiomqtt.ProtocolVersion.V5 if modern else aiomqtt.ProtocolVersion.V311,
            clean_session=None if modern else True,  # 5.0: aiomqtt starts clean, and a session without expiry ends
            properties=_connect_properties() if modern else None,
            keepalive=keepalive,
            **rest,
        )
        self.version = version
        self.offer = BrokerOffer()
        self._dialling = self._reached = self._answered = False
        self._own_keepalive = keepalive
        self._pass_over = pass_over
        self._abuse = ""
        self._said: Reason | None = None
        self._refusals: dict[int, ReasonCode] = {}
        self._asked: dict[int, asyncio.Future[Sequence[int]]] = {}

    @property
    def got_no_answer(self) -> bool:
        """Whether somebody took our CONNECT and has not answered it: hung up, said something else, or nothing."""
        return self._reached and not self._answered

    def ask(self, topics: Sequence[tuple[str, int]]) -> asyncio.Future[Sequence[int]]:
        """Subscribe to (topic, QoS) pairs in one packet; what is returned gets a code for each: the broker's answer.

        In 5.0 its defaults, Retain Handling 0 before all, are 3.1.1's ways. Raises aiomqtt.MqttError.
        """
        modern = self.version is Version.V5
        wanted: Any = [(topic, _OPTIONS[qos] if modern else qos) for topic, qos in topics]
        return self._until_settled(*self._client.subscribe(wanted))

    def drop(self, topics: Sequence[str]) -> asyncio.Future[Sequence[int]]:
        """Unsubscribe from all in one packet; as `ask`."""
        return self._until_settled(*self._client.unsubscribe(list(topics)))

    def _until_settled(self, sent: MQTTErrorCode, mid: int | None) -> asyncio.Future[Sequence[int]]:
        if sent != mqtt.MQTT_ERR_SUCCESS or mid is None:
            raise aiomqtt.MqttCodeError(sent, "it cannot be sent")
        answer: asyncio.Future[Sequence[int]] = self._loop.create_future()
        self._asked[mid] = answer
        answer.add_done_callback(lambda _: self._asked.pop(mid, None))
        return answer

    async def put(self, topic: str, payload: bytes, *, qos: int, retain: bool, expiry_s: int | None) -> int:
        """Publish; return the broker's reason code: 0 for QoS 0, which has none. Raises aiomqtt.MqttError."""
        properties = None
        if self.version is Version.V5 and expiry_s is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = expiry_s
        sent = self._client.publish(topic, payload, qos, retain, properties)
        if sent.rc != mqtt.MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(sent.rc, "it cannot be sent")
        if sent.is_published():
            return 0
        confirmation = asyncio.Event()
        with self._pending_call(sent.mid, confirmation, self._pending_publishes):
            await self._wait_for(confirmation.wait(), timeout=None)
        refusal = self._refusals.pop(sent.mid, None)
        return 0 if refusal is None else refusal.value

    def explain(self, error: aiomqtt.MqttError) -> Reason | None:
        """Return what the broker gave as its reason, or None: then `error` is all there is to know."""
        if self._said is not None:
            return self._said
        cause = error.__cause__ or error
        if not isinstance(cause, aiomqtt.MqttCodeError) or not isinstance(cause.rc, ReasonCode):
            return None
        if isinstance(cause, aiomqtt.exceptions.MqttConnectError):
            return reason(cause.rc.value)
        return Reason(_LOCAL.get(cause.rc.value, str(cause)), "")

    def refuses_version(self, error: aiomqtt.MqttError) -> bool:
        """Whether the broker named the version as its reason not to connect."""
        code = error.rc if isinstance(error, aiomqtt.MqttCodeError) else None
        return isinstance(code, ReasonCode) and code.value == UNSUPPORTED_VERSION

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Connect, and disconnect at the end. Raises aiomqtt.MqttError."""
        wire = self._client
        self._dialling = True
        self._expect_disconnection()
        try:
            await self.__aenter__()
        except BaseException as error:
            self._dialling = False
            wire.disconnect()
            if error.__context__ is not None:  # a failed TLS handshake, whose socket only its traceback still holds
                traceback.clear_frames(error.__context__.__traceback__)
            raise
        self._dialling = False
        self._expect_disconnection()
        try:
            if wire.socket() is None:
                raise aiomqtt.MqttError("it disconnected at once")
            if self._abuse:
                raise aiomqtt.MqttError(self._abuse)
            yield
        finally:
            if wire.socket() is not None:
                with contextlib.suppress(Exception):  # no goodbye, or garbage in its place; and never hide a cancel
                    await self.__aexit__(None, None, None)
            if wire.socket() is not None:
                wire.disconnect()

    def _expect_disconnection(self) -> None:
        """Keep asyncio from reporting a disconnection that nobody waited for."""
        for future in (self._connected, self._disconnected):
            future.add_done_callback(lambda ended: ended.cancelled() or ended.exception())

    def _on_connect(
        self,
        client: mqtt.Client,
        userdata: Any,
        flags: mqtt.ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        self._answered = True
        self.offer = BrokerOffer.of(properties)
        self._said = None
        if reason_code.is_failure:
            self._said = reason(reason_code.value, getattr(properties, "ServerReference", None))
        # paho takes the broker's word for it. Asking more often is allowed, and never asking would miss a dead wire.
        client._keepalive = min(client._keepalive or self._own_keepalive, self._own_keepalive)  # noqa: SLF001
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_disconnect(
        self,
        client: mqtt.Client,
        userdata: Any,
        flags: mqtt.DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._said = _GOODBYE
            if reason_code.is_failure:
                self._said = reason(reason_code.value, getattr(properties, "ServerReference", None))
        if self._dialling:
            said = (
                "it hung up without an answer"
                if reason_code.value == FAILURES
                else _LOCAL.get(reason_code.value, str(reason_code))
            )
            self._loop.call_soon_threadsafe(self._fail_dialling, said)  # paho may be in the thread that connects
        if self._connected.cancelled():  # by whoever gave dialling up; aiomqtt would raise that here once more
            return
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _fail_dialling(self, said: str) -> None:
        if self._dialling and not self._connected.done():
            self._connected.set_exception(aiomqtt.MqttError(said))

    def _on_publish(
        self,
        client: mqtt.Client,
        userdata: Any,
        mid: int,
        reason_code: ReasonCode,
        properties: Properties,
    ) -> None:
        if reason_code.is_failure and mid in self._pending_publishes:
            self._refusals[mid] = reason_code
        super()._on_publish(client, userdata, mid, reason_code, properties)

    def _on_socket_open(self, client: mqtt.Client, userdata: Any, sock: Any) -> None:
        self._reached = True
        modern = self.version is Version.V5
        inlet = Inlet(
            client,
            modern=modern,
            most_bytes=MOST_TAKEN_BYTES,
            arrive=self._arrive,
            check=self._check_packet,
            fail=self._fail,
        )
        super()._on_socket_open(inlet, userdata, sock)  # type: ignore[arg-type]

    def _arrive(self, plain: Plain | Acknowledged | PassedOver) -> None:
        match plain:
            case Plain(topic=topic, payload=payload, retained=retained):
                self._queue.put_nowait(aiomqtt.Message(topic, payload, 0, retained, 0, None))
            case Acknowledged(mid=mid, codes=codes):
                self._settle(mid, codes)
            case PassedOver(mid=mid):
                if mid is not None:
                    self._client._send_puback(mid)  # noqa: SLF001 -- or the broker counts it as under way for good
                self._pass_over(plain)

    def _settle(self, mid: int, codes: Sequence[int]) -> None:
        answer = self._asked.pop(mid, None)
        if answer is not None and not answer.done():
            answer.set_result(codes)

    def _on_subscribe(
        self,
        client: mqtt.Client,  # noqa: ARG002
        userdata: Any,  # noqa: ARG002
        mid: int,
        reason_codes: list[ReasonCode],
        properties: Properties | None = None,  # noqa: ARG002
    ) -> None:
        self._settle(mid, [code.value for code in reason_codes])

    _on_unsubscribe = _on_subscribe

    def _on_socket_register_write(self, client: mqtt.Client, userdata: Any, sock: Any) -> None:
        """Write when this turn of the event loop is over; only what does not fit waits until the socket has room."""
        try:
            asyncio.get_running_loop().call_soon(self._write, client, userdata, sock)
        except RuntimeError:  # paho connects in a thread
            super()._on_socket_register_write(client, userdata, sock)

    def _write(self, client: mqtt.Client, userdata: Any, sock: Any) -> None:
        try:
            client.loop_write()
        except Exception as error:  # noqa: BLE001 -- as aiomqtt does: the connection is of no use any more
            self._fail(error)
        else:
            if client.socket() is sock and client.want_write():
                super()._on_socket_register_write(client, userdata, sock)

    def _check_packet(self, first: int, length: int) -> None:
        unread = len(self._client._out_packet)  # noqa: SLF001
        self._abuse = abuse(first, length, MOST_TAKEN_BYTES, unread)
        if self._abuse:
            raise aiomqtt.MqttError(self._abuse)

    def _fail(self, error: Exception) -> None:
        if not self._disconnected.done():
            self._disconnected.set_exception(error)


def _connect_properties() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = MOST_TAKEN_BYTES
    properties.ReceiveMaximum = _RECEIVE_MAXIMUM
    return properties
