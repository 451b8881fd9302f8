"""Every topic that the agent uses, as a type with a parse and a format that are each other's inverse.

A topic is `<root>/` and one of

    repo/meta/timestamp         Timestamp          the newest TUF timestamp; also the push notification
    repo/meta/<n>/<role>        Metadata           version n of a TUF role, with ~ for a dot
    repo/target/<sha256>        Target             a small signed document
    repo/chunk/<sha256>         Chunk              a piece of an asset
    device/<id>/state           DeviceStateTopic   what one device says of itself
    report/<shard>              ReportTopic        sealed reports

A dot parts names on brokers that speak AMQP or NATS inside: RabbitMQ hands out `4/snapshot` for `4.snapshot`, and
NATS hangs up. No topic of the repository has one; a device's name or a root with one is the operator's choice
(docs/brokers.md).

Names come from documents that others wrote. One that could reach another topic (wildcards, slashes, NUL), that is
not ASCII or that is longer than brokers take, is refused with a LinkError wherever it is made or parsed.
Source: MQTT 3.1.1, section 4.7; 256 bytes is the shortest limit among managed brokers.
"""

import re
from dataclasses import dataclass
from typing import Final, assert_never

from edge_agent.model.errors import LinkError

MAX_TOPIC_BYTES: Final = 256
MAX_SHARD: Final = 1023

_ROOT: Final = re.compile(r"[A-Za-z0-9._-]{1,64}(/[A-Za-z0-9._-]{1,64})*")
_ANY: Final = re.compile(r"[A-Za-z0-9._~-]{1,64}(/[A-Za-z0-9._~-]{1,64})*")
_IDENTIFIER: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,9}")


def _refuse(what: str) -> LinkError:
    return LinkError(f"{what[:120]} cannot be part of a topic.", "Look at who wrote that name.")


def _demand(pattern: re.Pattern[str], text: str) -> None:
    if not pattern.fullmatch(text):
        raise _refuse(repr(text))


@dataclass(frozen=True, slots=True)
class Timestamp:
    """The newest TUF timestamp."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """Version `version` (1 or more) of the TUF role `role`."""

    version: int
    role: str

    def __post_init__(self) -> None:
        if self.version < 1:
            raise _refuse(f"Version {self.version}")
        _demand(_NUMBER, str(self.version))
        _demand(_IDENTIFIER, self.role)


@dataclass(frozen=True, slots=True)
class Target:
    """A small signed document, named by its SHA-256 in lower-case hexadecimal."""

    sha256: str

    def __post_init__(self) -> None:
        _demand(_SHA256, self.sha256)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of an asset, named by its SHA-256 in lower-case hexadecimal."""

    sha256: str

    def __post_init__(self) -> None:
        _demand(_SHA256, self.sha256)


@dataclass(frozen=True, slots=True)
class DeviceStateTopic:
    """What the device `device_id` says of itself."""

    device_id: str

    def __post_init__(self) -> None:
        _demand(_IDENTIFIER, self.device_id)


@dataclass(frozen=True, slots=True)
class ReportTopic:
    """Sealed reports of one shard, 0 to 1023."""

    shard: int

    def __post_init__(self) -> None:
        if not 0 <= self.shard <= MAX_SHARD:
            raise _refuse(f"Shard {self.shard}")


Topic = Timestamp | Metadata | Target | Chunk | DeviceStateTopic | ReportTopic


def format_topic(root: str, topic: Topic) -> str:
    """Return the topic as the broker knows it. Raises LinkError when it would be too long or `root` is unusable."""
    match topic:
        case Timestamp():
            rest = "repo/meta/timestamp"
        case Metadata(version=version, role=role):
            rest = f"repo/meta/{version}/{role.replace('.', '~')}"
        case Target(sha256=digest):
            rest = f"repo/target/{digest}"
        case Chunk(sha256=digest):
            rest = f"repo/chunk/{digest}"
        case DeviceStateTopic(device_id=device_id):
            rest = f"device/{device_id}/state"
        case ReportTopic(shard=shard):
            rest = f"report/{shard}"
        case _:
            assert_never(topic)
    _demand(_ROOT, root)
    return check_topic(f"{root}/{rest}")


def parse_topic(root: str, text: str | bytes) -> Topic:
    """Return what `text` names. Raises LinkError when it is none of our topics under `root`, or is hostile."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _refuse(repr(text)) from error
    if len(text) > MAX_TOPIC_BYTES or not text.startswith(f"{root}/"):
        raise _refuse(repr(text))
    match text[len(root) + 1 :].split("/"):
        case ["repo", "meta", "timestamp"]:
            return Timestamp()
        case ["repo", "meta", version, role] if "." not in role:
            return Metadata(_number(version), role.replace("~", "."))
        case ["repo", "target", digest]:
            return Target(digest)
        case ["repo", "chunk", digest]:
            return Chunk(digest)
        case ["device", device_id, "state"]:
            return DeviceStateTopic(device_id)
        case ["report", shard]:
            return ReportTopic(_number(shard))
        case _:
            raise _refuse(repr(text))


def check_topic(text: str) -> str:
    """Return `text` when it is an exact topic that any broker takes; raise LinkError otherwise."""
    _demand(_ANY, text)
    if len(text) > MAX_TOPIC_BYTES:
        raise _refuse(f"A topic of {len(text)} bytes (at most {MAX_TOPIC_BYTES} are allowed)")
    return text


def _number(text: str) -> int:
    _demand(_NUMBER, text)
    return int(text)
