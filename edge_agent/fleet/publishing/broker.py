"""Shell: the operator's connection to the broker: put what is missing there, see what is there."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

from edge_agent.link.connection import Connection
from edge_agent.link.dialling import UNREACHED, dialled
from edge_agent.link.retained import TOPICS_IN_A_PACKET
from edge_agent.link.session import Link
from edge_agent.link.topics import DeviceStateTopic, Timestamp, format_topic
from edge_agent.link.versions import VersionChoice
from edge_agent.model.errors import LinkError, NotAllowedError, NotRetainedError, OversizeError, SettingsError
from edge_agent.settings.rooms import LinkSettings

_WINDOW: Final = 16
_MAX_PORT: Final = 65535
_LOOK_PATIENCE: Final = timedelta(seconds=2)
_ANSWER_PATIENCE: Final = timedelta(seconds=10)
_LOOKS: Final = 3
"""How often to look for what was just sent."""

HOME_BROKER: Final = "home-broker"
"""The file in a fleet's folder that says where the broker of its open home is, while it is open."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the fleet's broker is. `str` and `parse` are each other's inverse for host and port."""

    host: str = "127.0.0.1"
    port: int = 1883
    root: str = "edge"
    tls: bool = False
    ca_file: Path | None = None
    credentials_file: Path | None = None
    protocol: Literal["auto", "5.0", "3.1.1"] = "auto"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_broker(text: str, *, tls: bool = False) -> tuple[str, int]:
    """Return (host, port) of `host`, `host:port` or `[v6]:port`. Raises SettingsError."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, "8883" if tls else "1883"
    if not host or not port.isdecimal() or not 0 < int(port) <= _MAX_PORT:
        raise SettingsError(f'"{text}" is not a broker.', "Write it as host:port, for instance 127.0.0.1:1883.")
    return host.strip("[]"), int(port)


def broker_of(fleet_dir: Path) -> str:
    """Return where the fleet's broker is when nobody names one: the open home's, else MQTT's own port here.

    An open home has a broker of its own; where port 1883 is taken, that is another's and knows nothing of the home.
    """
    try:
        return (fleet_dir / HOME_BROKER).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return "127.0.0.1"


class Broker:
    """A connected broker. Topics are relative to the fleet's root."""

    def __init__(self, link: Link, root: str) -> None:
        self._link = link
        self._prefix = f"{root}/"

    async def look(self, topic: str, max_bytes: int) -> bytes | None:
        """Return what is retained on `topic`, or None when nothing is (or does not come within two seconds)."""
        try:
            return await self._link.fetch(self._prefix + topic, max_bytes, patience=_LOOK_PATIENCE)
        except LinkError:
            if not self._link.status.connected:
                raise
            return None

    async def keeps(self, topic: str, max_bytes: int, wanted: bytes | None = None) -> bool:
        """Whether anything is retained on `topic`, or just `wanted`.

        Some brokers keep it a moment after they say so. One that does not let us read it is taken at its word that it
        keeps something.
        """
        for _ in range(_LOOKS):
            try:
                content = await self._link.fetch(self._prefix + topic, max_bytes, patience=_LOOK_PATIENCE)
            except NotAllowedError:
                return wanted is None
            except LinkError:
                if not self._link.status.connected:
                    raise
            else:
                if wanted is None or content == wanted:
                    return True
        return False

    async def read(self, topics: Sequence[str], max_bytes: int) -> AsyncGenerator[tuple[str, bytes | None], None]:
        """Yield each of `topics` with what is retained there, in any order; None for nothing, or for more than that.

        Raises LinkError when the connection is lost, or the broker does not let us read: that says nothing of what
        it holds.
        """
        full = {self._prefix + topic: topic for topic in topics}
        async with aclosing(self._link.fetch_many(list(full), _WINDOW, max_bytes)) as answers:
            async for topic, content in answers:
                if isinstance(content, LinkError) and not isinstance(content, NotRetainedError | OversizeError):
                    raise content
                yield full[topic], content if isinstance(content, bytes) else None

    async def absent(self, topics: Sequence[str], max_bytes: int, on_seen: Callable[[int], None]) -> list[str]:
        """Return those of `topics` that the broker retains nothing on; `on_seen` is told how many were looked at.

        Raises LinkError as `read` does.
        """
        seen, missing = 0, []
        async with aclosing(self.read(topics, max_bytes)) as answers:
            async for topic, content in answers:
                if content is None:
                    missing.append(topic)
                seen += 1
                on_seen(seen)
        return sorted(missing)

    def refuse_oversize(self, sizes: Mapping[str, int]) -> None:
        """Raise LinkError for the largest of these messages (bytes by topic) that the broker would not take."""
        for topic, length in sorted(sizes.items(), key=lambda item: -item[1])[:1]:
            self._link.offer.refuse_oversize(self._prefix + topic, length)

    async def put(
        self, messages: Iterable[tuple[str, Callable[[], bytes]]], on_sent: Callable[[str, int], None]
    ) -> None:
        """Retain each (topic, content) and tell `on_sent` its topic and bytes once the broker acknowledged it.

        A few are on their way at a time, in any order. Raises LinkError when one fails, after the others ended.
        """
        waiting = iter(messages)

        async def carry() -> None:
            for topic, read in waiting:
                content = read()
                await self._link.publish(self._prefix + topic, content, retain=True)
                on_sent(topic, len(content))

        results = await asyncio.gather(*(carry() for _ in range(_WINDOW)), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result


async def device_states(address: BrokerAddress, named: Sequence[str] = ()) -> dict[str, bytes]:
    """Return what each device says of itself, by its id: of all, by a wildcard, or of those that are `named`.

    Some brokers hand retained messages out to exact topics only: without names, nothing comes from them. Ends when
    the fleet's timestamp, asked for afterwards, has come, or nothing more does. Raises LinkError.
    """
    prefix, states = f"{address.root}/device/", dict[str, bytes]()
    settings = _settings(address)
    timeout_s = _ANSWER_PATIENCE.total_seconds()
    async with dialled(settings, VersionChoice(settings.protocol), timeout_s=timeout_s) as client:
        if not named and not client.offer.has_wildcards:
            raise LinkError(
                "The broker has no wildcards, with which devices are listed.",
                "Let it take them from the operator, or name the devices with --device; see edge-agent docs brokers.",
            )
        connection = Connection(client, answer_timeout_s=timeout_s)
        states_of = [format_topic(address.root, DeviceStateTopic(device_id)) for device_id in named]
        wanted = states_of or [f"{prefix}+/state"]
        packets = [wanted[at : at + TOPICS_IN_A_PACKET] for at in range(0, len(wanted), TOPICS_IN_A_PACKET)]
        for topics in (*packets, [format_topic(address.root, Timestamp())]):
            refused = await connection.subscribe([(topic, 1) for topic in topics])
            for refusal in refused.values():
                raise refusal
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_PATIENCE.total_seconds()):
                async for message in client.messages:
                    topic = message.topic.value
                    if not topic.startswith(prefix):
                        break
                    states[topic.removeprefix(prefix).removesuffix("/state")] = bytes(message.payload)
    return states


def _settings(address: BrokerAddress) -> LinkSettings:
    """Return the settings of one operator's link; its name is drawn, so that no two commands end each other."""
    return LinkSettings(
        device_id=f"operator-{secrets.token_hex(4)}",
        host=address.host,
        port=address.port,
        root=address.root,
        tls=address.tls,
        ca_file=address.ca_file,
        credentials_file=address.credentials_file,
        protocol=address.protocol,
    )


@asynccontextmanager
async def connected(address: BrokerAddress) -> AsyncIterator[Broker]:
    """Connect once. Raises LinkError with the first reason why that fails."""
    link = Link(_settings(address))
    running = asyncio.create_task(link.run())
    try:
        await _first_connection(link, address, running)
        yield Broker(link, address.root)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _first_connection(link: Link, address: BrokerAddress, running: asyncio.Task[None]) -> None:
    async for status in link.changes():
        if status.connected:
            return
        if status.error is not None:
            step = status.error.next_step
            if step == UNREACHED:
                step = f"Check that a broker runs at {address}, or name it with --broker host:port."
            raise LinkError(str(status.error), step)
        if running.done():
            await running
