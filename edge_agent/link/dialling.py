"""Connects to the broker that settings name, in a version of MQTT that it takes (shell: sockets, files)."""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Final, cast

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_agent.link.client import OnPassedOver, WireClient
from edge_agent.link.credentials import read_credentials, tls_context
from edge_agent.link.versions import Version, VersionChoice
from edge_agent.model.errors import LinkError
from edge_agent.settings.rooms import LinkSettings

_log = logging.getLogger(__name__)
_wire_log = logging.getLogger(f"{__name__}.wire")
_wire_log.setLevel(logging.CRITICAL)  # paho reports each retry; the link says it once

GONE_KEPT_S: Final = int(timedelta(days=400).total_seconds())
"""How long a broker that speaks 5.0 keeps what a device said of itself when it left: longer than a year away."""

UNREACHED: Final = "Check that it runs and takes this device's credentials; the agent goes on trying."
"""What to do where the broker gave no reason."""

_NOT_BELIEVED: Final = "Check the authority's file, the broker's certificate and this machine's clock."

OnArrival = Callable[[aiomqtt.Message], None]


@asynccontextmanager
async def dialled(
    settings: LinkSettings,
    choice: VersionChoice,
    *,
    timeout_s: float,
    will: tuple[str, bytes] | None = None,
    arrive: OnArrival | None = None,
    pass_over: OnPassedOver = lambda _: None,
) -> AsyncIterator[WireClient]:
    """Connect as `settings` say; disconnect at the end. Messages go to `arrive`, or to `messages` of the client.

    `pass_over` is told of those that are too long to be read. Raises LinkError when that fails, when the broker can
    carry no fleet, and for an aiomqtt.MqttError inside.
    """
    async with AsyncExitStack() as stack:
        version: Version | None = choice.first
        while version is not None:
            client = _client(settings, version, timeout_s, will, arrive, pass_over)
            try:
                await stack.enter_async_context(client.opened())
            except aiomqtt.MqttError as error:
                named = client.refuses_version(error)
                version = choice.after(version, named=named) if named or client.got_no_answer else None
                if version is None:
                    raise _refusal(settings, client, error) from error
            else:
                break
        if choice.worked(client.version):
            _log.info(
                "The broker at %s:%d does not take MQTT %s; %s is spoken to it from now on.",
                settings.host,
                settings.port,
                Version.V5 if client.version is Version.V311 else Version.V311,
                client.version,
            )
        objection = client.offer.objection()
        if objection is not None:
            raise objection
        try:
            yield client
        except aiomqtt.MqttError as error:
            raise _refusal(settings, client, error) from error


def _refusal(settings: LinkSettings, client: WireClient, error: aiomqtt.MqttError) -> LinkError:
    where = f"The broker at {settings.host}:{settings.port}"
    said = client.explain(error)
    if said is None:
        what, step = _reason(error), _NOT_BELIEVED if isinstance(_cause(error), ssl.SSLError) else UNREACHED
    else:
        what, step = said
    return LinkError(f"{where} cannot be used: {what}.", step or UNREACHED)


def _reason(error: aiomqtt.MqttError) -> str:
    """Return in words why nothing came of it, without the system's number for that."""
    cause = _cause(error)
    if isinstance(cause, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(error.__cause__ or error)


def _cause(error: aiomqtt.MqttError) -> BaseException | None:
    return error.__cause__ or error.__context__  # aiomqtt hides the system's own error `from None`


def _client(
    settings: LinkSettings,
    version: Version,
    timeout_s: float,
    will: tuple[str, bytes] | None,
    arrive: OnArrival | None,
    pass_over: OnPassedOver,
) -> WireClient:
    credentials = None if settings.credentials_file is None else read_credentials(settings.credentials_file)
    client = WireClient(
        settings.host,
        settings.port,
        version=version,
        pass_over=pass_over,
        identifier=f"edge-agent-{settings.device_id}",
        username=None if credentials is None else credentials.user,
        password=None if credentials is None else credentials.password,
        keepalive=max(1, round(settings.keepalive.total_seconds())),
        will=None if will is None else aiomqtt.Will(*will, qos=1, retain=True, properties=_will_properties(version)),
        tls_context=tls_context(settings.ca_file) if settings.tls else None,
        timeout=timeout_s,
        logger=_wire_log,
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],  # or small packets wait 40 ms for each other
        queue_type=None
        if arrive is None
        else cast("type[asyncio.Queue[aiomqtt.Message]]", lambda maxsize: _Inbox(maxsize, arrive)),
    )
    client.pending_calls_threshold = 10_000  # unsubscribing in the background is no concern
    return client


def _will_properties(version: Version) -> Properties | None:
    if version is not Version.V5:
        return None
    properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
    properties.MessageExpiryInterval = GONE_KEPT_S
    return properties


class _Inbox(asyncio.Queue[aiomqtt.Message]):
    """aiomqtt hands every message to a queue; this one passes it on at once, so that nothing ever piles up."""

    def __init__(self, maxsize: int, receive: OnArrival) -> None:
        super().__init__(maxsize)
        self._receive = receive

    def put_nowait(self, item: aiomqtt.Message) -> None:
        """Pass the message on."""
        self._receive(item)
