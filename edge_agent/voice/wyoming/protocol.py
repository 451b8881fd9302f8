"""The Wyoming protocol's messages, bounded. Pure: bytes in, messages out, and back.

A message is a line of JSON, then `data_length` bytes of JSON, then `payload_length` bytes of audio:
https://github.com/OHF-voice/wyoming. Whoever is at the other end is not trusted: the lengths that it announces are
looked at before anything is kept, and what it says is checked before it is used. docs/dependencies.md says why this
is not the package `wyoming`, which the tests have as their peer.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.model.errors import SettingsError, WyomingError

LONGEST_HEADER_BYTES: Final = 64 * 1024
LONGEST_DATA_BYTES: Final = 64 * 1024
LONGEST_PAYLOAD_BYTES: Final = 512 * 1024
"""Sixteen seconds of 16 kHz mono in one piece; Home Assistant and satellites send less than a tenth of a second."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its type, its JSON object and its audio, either of which may be empty."""

    type: str
    data: Mapping[str, Any] = field(default_factory=dict)
    payload: bytes = b""

    def encode(self) -> bytes:
        """Return it as it travels."""
        header: dict[str, Any] = {"type": self.type}
        data = json.dumps(dict(self.data), ensure_ascii=False).encode() if self.data else b""
        if data:
            header["data_length"] = len(data)
        if self.payload:
            header["payload_length"] = len(self.payload)
        return json.dumps(header).encode() + b"\n" + data + self.payload


class Inbox:
    """Cuts a stream of bytes into messages. It never holds more than one message and what was fed last."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._header: _Header | None = None

    @property
    def is_mid_message(self) -> bool:
        """Whether a message has begun that is not here in full."""
        return bool(self._waiting) or self._header is not None

    def feed(self, received: bytes) -> Iterator[Message]:
        """Take bytes; yield the messages that are complete. Raise WyomingError at what is no message."""
        self._waiting += received
        while (message := self._next()) is not None:
            yield message

    def _next(self) -> Message | None:
        if self._header is None:
            end = self._waiting.find(b"\n", 0, LONGEST_HEADER_BYTES + 1)
            if end < 0:
                if len(self._waiting) > LONGEST_HEADER_BYTES:
                    raise WyomingError("sends a header without an end", "too-long")
                return None
            line = bytes(self._waiting[:end])
            del self._waiting[: end + 1]
            said = _object_in(line)
            self._header = read_message(_Header, {name: each for name, each in said.items() if each is not None})
        header = self._header
        if len(self._waiting) < header.data_length + header.payload_length:
            return None
        data = header.data
        if header.data_length:
            data = data | _object_in(self._take(header.data_length))
        self._header = None
        return Message(header.type, data, self._take(header.payload_length))

    def _take(self, length_bytes: int) -> bytes:
        taken = bytes(self._waiting[:length_bytes])
        del self._waiting[:length_bytes]
        return taken


class _Said(BaseModel):
    """What a peer says. Later versions of the protocol add fields, so that unknown ones are passed over.

    Python reads `NaN` and `1e999` as numbers, which they are not in JSON, and with which nobody can reckon.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class _Header(_Said):
    type: Annotated[str, Field(max_length=64)]
    data: dict[str, Any] = {}
    data_length: Annotated[int, Field(ge=0, le=LONGEST_DATA_BYTES)] = 0
    payload_length: Annotated[int, Field(ge=0, le=LONGEST_PAYLOAD_BYTES)] = 0


class AudioFormat(_Said):
    """How audio is encoded: samples a second, bytes a sample (little-endian), channels."""

    rate: Annotated[int, Field(ge=4000, le=384_000)]
    width: Annotated[int, Field(ge=1, le=4)]
    channels: Annotated[int, Field(ge=1, le=8)]


class Stamped(_Said):
    """When audio was recorded, by the peer's own clock and in its own unit (milliseconds in Home Assistant)."""

    timestamp: float | int | None = None


class Detect(_Said):
    """A request to say when a wake phrase is heard: one of these models, or any."""

    names: Annotated[list[Annotated[str, Field(max_length=256)]], Field(max_length=256)] | None = None


class Transcribe(_Said):
    """A request to say what was said. What else it may carry (model, bias) is not for us."""

    language: Annotated[str, Field(max_length=64)] | None = None


class Ping(_Said):
    """A request to say that one is there."""

    text: Annotated[str, Field(max_length=1024)] | None = None


_Kind = TypeVar("_Kind", bound=_Said)


def read_message(kind: type[_Kind], data: Mapping[str, Any]) -> _Kind:
    """Return `data` as a `kind`. Raise WyomingError, naming the field, where it is none."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "message"
        code = "too-long" if first["type"] == "less_than_equal" and "length" in where else "malformed"
        raise WyomingError(f"sends a {where} that cannot be: {first['msg'].lower()}", code) from error


def _object_in(text: bytes) -> dict[str, Any]:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WyomingError("sends what is no JSON", "malformed") from error
    if not isinstance(value, dict):
        raise WyomingError("sends JSON that is no object", "malformed")
    return value


@dataclass(frozen=True, slots=True)
class Address:
    """Where a Wyoming service is: a TCP host and port, or the path of a Unix socket."""

    host: str = ""
    port: int = 0
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the address in `tcp://HOST:PORT`, `unix:///PATH`, `HOST:PORT` or `/PATH`. Raise SettingsError."""
        if text.startswith("/"):
            text = f"unix://{text}"
        try:
            parts = urlsplit(text if "://" in text else f"tcp://{text}")
            host, port = parts.hostname, parts.port
            (host or "").encode("idna")  # so it is looked up
        except ValueError:  # a port that is no number, half an IPv6 address, or a name that nothing can have
            return cls._refuse(text)
        if "\0" in text:
            return cls._refuse(text)
        if parts.scheme == "unix" and not parts.netloc and len(parts.path) > 1:
            return cls(path=parts.path)
        if parts.scheme == "tcp" and host and port is not None and not parts.path and parts.username is None:
            return cls(host, port)
        return cls._refuse(text)

    @classmethod
    def _refuse(cls, text: str) -> Self:
        raise SettingsError(
            f'"{text}" is no address of a Wyoming service.',
            "Write tcp://HOST:PORT or unix:///PATH, such as tcp://127.0.0.1:10400.",
        )

    @property
    def is_of_this_machine(self) -> bool:
        """Whether only programs of this machine can reach it."""
        return bool(self.path) or self.host in {"localhost", "::1"} or self.host.startswith("127.")

    def __str__(self) -> str:
        if self.path:
            return f"unix://{self.path}"
        return f"tcp://[{self.host}]:{self.port}" if ":" in self.host else f"tcp://{self.host}:{self.port}"
