"""What a broker says in its CONNACK that it takes, and what of ours it therefore gets. Pure.

Only MQTT 5.0 has such words (section 3.2.2.3); a broker that says nothing takes everything that the protocol has.
"""

from dataclasses import dataclass
from typing import Final

from edge_agent.model.errors import LinkError

MOST_BYTES: Final = 268_435_455 + 5
"""The largest packet that MQTT has: the largest remaining length, its four bytes, and the first."""

IN_FLIGHT: Final = 20
"""Publications at QoS 1 that wait for their acknowledgement at a time, where the broker does not ask for fewer."""

_EXPIRY_BYTES: Final = 5
_BYTE_VALUES: Final = 128


@dataclass(frozen=True, slots=True)
class BrokerOffer:
    """What one connection may be used for."""

    most_packet_bytes: int = MOST_BYTES
    in_flight: int = IN_FLIGHT
    keeps_retained: bool = True
    acknowledges: bool = True
    """Takes QoS 1."""
    has_wildcards: bool = True

    @classmethod
    def of(cls, properties: object) -> "BrokerOffer":
        """Return what these properties of a CONNACK say (as attributes, named as in the specification)."""
        return cls(
            most_packet_bytes=min(getattr(properties, "MaximumPacketSize", 0) or MOST_BYTES, MOST_BYTES),
            in_flight=min(getattr(properties, "ReceiveMaximum", 0) or IN_FLIGHT, IN_FLIGHT),
            keeps_retained=bool(getattr(properties, "RetainAvailable", 1)),
            acknowledges=bool(getattr(properties, "MaximumQoS", 1)),
            has_wildcards=bool(getattr(properties, "WildcardSubscriptionAvailable", 1)),
        )

    def objection(self) -> LinkError | None:
        """Return why this broker can carry no fleet at all, or None."""
        if not self.keeps_retained:
            return LinkError(
                "The broker keeps no retained messages, on which packs are carried.",
                "Switch them on (mosquitto: retain_available true), or use another broker; "
                "see edge-agent docs brokers.",
            )
        if not self.acknowledges:
            return LinkError(
                "The broker acknowledges nothing (it takes QoS 0 only), so that what is published may be lost.",
                "Let it take QoS 1 (mosquitto: max_qos 1), or use another broker; see edge-agent docs brokers.",
            )
        return None

    def refuse_oversize(self, topic: str, length: int) -> None:
        """Raise LinkError when `length` bytes on `topic` make a larger packet than the broker takes."""
        size = packet_bytes(topic, length)
        if size > self.most_packet_bytes:
            raise LinkError(
                f"{topic} needs a packet of {size} bytes; this broker takes {self.most_packet_bytes}.",
                "Raise its largest packet (mosquitto: max_packet_size); see edge-agent docs brokers.",
            )


def packet_bytes(topic: str, length: int) -> int:
    """Return the most that a PUBLISH of ours with `length` bytes on `topic` takes: QoS 1, with an expiry.

    Source: MQTT 5.0, sections 2.1.4 and 3.3.
    """
    remaining = 2 + len(topic.encode()) + 2 + 1 + _EXPIRY_BYTES + length
    count, rest = 1, remaining
    while rest >= _BYTE_VALUES:
        rest //= _BYTE_VALUES
        count += 1
    return 1 + count + remaining
