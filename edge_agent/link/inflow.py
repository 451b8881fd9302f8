"""Tells the packets apart in what a broker sends, and reads the plainest of them. Pure.

Nearly all that a device receives is chunks: PUBLISH at QoS 0 that is no duplicate and, in 5.0, has no properties.
Those are read here, with one copy, and what acknowledges asking for them (SUBACK and UNSUBACK). Whatever else comes
(properties, QoS 1, what breaks the protocol, what is too long to be a chunk) is handed on as it is, to the library
that knows all of MQTT. A message longer than anybody here takes is let go by, unread but for its topic: a broker of
3.1.1 cannot be told to keep it, and hanging up would have it sent again with the next connection.
Source: MQTT 3.1.1 and 5.0, sections 2.1 (2.2 in 3.1.1), 3.3, 3.9 and 3.11.
"""

from dataclasses import dataclass
from typing import Final

CAPACITY_BYTES: Final = 256 * 1024
"""So much is held of what came: two of the longest chunks with their topics."""

_PLAIN_PUBLISH: Final = 0x30
_RETAIN: Final = 0x01
_QOS_1: Final = 0x02
_DUPLICATE: Final = 0x08
_KIND_AND_QOS_2: Final = 0xF4
_PUBLISH_QOS_2: Final = 0x34
_MOST_UNREAD: Final = 1000
_SUBACK: Final = 0x90
_UNSUBACK: Final = 0xB0
_LENGTH_SHIFTS: Final = (0, 7, 14, 21)
_MORE: Final = 0x80
_PREFIX_BYTES: Final = 2
_UNENDING: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Plain:
    """A PUBLISH at QoS 0 without properties."""

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A SUBACK or UNSUBACK without properties: one code for each topic, and none for an UNSUBACK of 3.1.1."""

    mid: int
    codes: bytes


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A message that is too long to be read: `length` bytes of payload. `mid` is what to acknowledge, at QoS 1."""

    topic: str
    length: int
    retained: bool
    mid: int | None


class Inflow:
    """The bytes of one connection: put into `room()` and counted by `came`, then taken out by `take()` until None.

    Messages of 3.1.1 that are longer than `most_bytes` are passed over; one of 5.0 breaks what the broker was told.
    """

    def __init__(self, *, modern: bool, most_bytes: int) -> None:
        self._modern = modern
        self._most_bytes = most_bytes
        self._buffer = bytearray(CAPACITY_BYTES)
        self._view = memoryview(self._buffer)
        self._begin = self._end = 0
        self._passing = self._dropping = 0

    def room(self) -> memoryview:
        """Return where the next bytes go; it is never empty, and ends what was taken out as a memoryview."""
        if self._begin == self._end:
            self._begin = self._end = 0
        elif self._begin and CAPACITY_BYTES - self._end < CAPACITY_BYTES // 2:
            rest = self._end - self._begin
            self._buffer[:rest] = self._buffer[self._begin : self._end]
            self._begin, self._end = 0, rest
        return self._view[self._end :]

    def came(self, count: int) -> None:
        """Count bytes that were put into the room."""
        self._end += count
        self._drop()

    @property
    def is_between(self) -> bool:
        """Whether what comes next is the beginning of a packet."""
        return not self._passing

    def take(self) -> Plain | Acknowledged | PassedOver | memoryview | None:
        """Return the next message or acknowledgement, or bytes of what is not plain, or None until more has come."""
        if not self._passing:
            total, begin = self._packet_bytes()
            if total == 0 or self._end - self._begin < self._needed_bytes(total, begin):
                return None
            read = self._read(total, begin)
            if read is not None:
                return read
            self._passing = total
        count = min(self._end - self._begin, self._passing)
        if count == 0:
            return None
        self._passing -= count
        self._begin += count
        return self._view[self._begin - count : self._begin]

    def _drop(self) -> None:
        dropped = min(self._end - self._begin, self._dropping)
        self._begin += dropped
        self._dropping -= dropped

    def _needed_bytes(self, total: int, begin: int) -> int:
        """Return how much of the packet must be here before it is known what it is."""
        if self._is_too_long(total):
            topic = int.from_bytes(self._view[begin : min(begin + _PREFIX_BYTES, self._end)], "big")
            return begin - self._begin + _PREFIX_BYTES + topic + _PREFIX_BYTES
        return total if self._may_be_plain() and total <= CAPACITY_BYTES else 0

    def _read(self, total: int, begin: int) -> Plain | Acknowledged | PassedOver | None:
        if self._is_too_long(total):
            passed_over = self._passed_over(begin, self._begin + total)
            if passed_over is not None:
                self._dropping = total
                self._drop()
            return passed_over
        if not self._may_be_plain() or total > CAPACITY_BYTES:
            return None
        read = self._published if self._buffer[self._begin] < _SUBACK else self._acknowledged
        plain = read(begin, self._begin + total)
        if plain is not None:
            self._begin += total
        return plain

    def _packet_bytes(self) -> tuple[int, int]:
        """Return the length of the packet that begins, with its header, and where its rest is; (0, 0): unknown."""
        length, at = 0, self._begin + 1
        for shift in _LENGTH_SHIFTS:
            if at >= self._end:
                return 0, 0
            byte = self._buffer[at]
            at += 1
            length |= (byte & ~_MORE) << shift
            if byte < _MORE:
                return at - self._begin + length, at
        return _UNENDING, at  # not MQTT: whoever gets it says so

    def _may_be_plain(self) -> bool:
        first = self._buffer[self._begin]
        return first & ~_RETAIN == _PLAIN_PUBLISH or first in {_SUBACK, _UNSUBACK}

    def _is_too_long(self, total: int) -> bool:
        first = self._buffer[self._begin] & ~(_RETAIN | _DUPLICATE | _QOS_1)
        return first == _PLAIN_PUBLISH and not self._modern and self._most_bytes < total < _UNENDING

    def _passed_over(self, begin: int, end: int) -> PassedOver | None:
        first, topic = self._buffer[self._begin], begin + _PREFIX_BYTES
        payload = topic + int.from_bytes(self._view[begin:topic], "big")
        mid = None
        try:
            name = str(self._view[topic:payload], "utf-8")
        except UnicodeDecodeError:
            return None
        if first & _QOS_1:
            mid = int.from_bytes(self._view[payload : payload + _PREFIX_BYTES], "big")
            payload += _PREFIX_BYTES
        return PassedOver(name, end - payload, bool(first & _RETAIN), mid) if name else None

    def _acknowledged(self, begin: int, end: int) -> Acknowledged | None:
        codes = begin + _PREFIX_BYTES
        if self._modern:
            if codes >= end or self._buffer[codes]:
                return None
            codes += 1
        if codes > end:
            return None
        mid = int.from_bytes(self._view[begin : begin + _PREFIX_BYTES], "big")
        return Acknowledged(mid, bytes(self._view[codes:end]))

    def _published(self, begin: int, end: int) -> Plain | None:
        topic = begin + _PREFIX_BYTES
        if topic > end:
            return None
        payload = topic + int.from_bytes(self._view[begin:topic], "big")
        if self._modern:  # where a byte counts those of the properties
            if payload >= end or self._buffer[payload]:
                return None
            payload += 1
        if payload > end:
            return None
        try:
            name = str(self._view[topic : payload - self._modern], "utf-8")
        except UnicodeDecodeError:
            return None
        retained = bool(self._buffer[self._begin] & _RETAIN)
        return Plain(name, bytes(self._view[payload:end]), retained) if name else None


def abuse(first: int, length: int, most_bytes: int, unread: int) -> str:
    """Return why a packet with that first byte and `length` bytes after it ends the connection; "" if it does not.

    We ask for QoS 0 and 1; of QoS 2 the library keeps every message until the broker lets go of it. `unread` packets
    of ours wait for the broker to read them: a few dozen, but for answers to what it sends.
    """
    if length > most_bytes:
        return f"it sends a packet of {length} bytes, which nobody here takes"
    if first & _KIND_AND_QOS_2 == _PUBLISH_QOS_2:
        return "it sends at QoS 2, which nobody here asked for"
    if unread > _MOST_UNREAD:
        return "it reads nothing of what it is sent"
    return ""
