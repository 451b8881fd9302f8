"""What a broker's reason codes mean to a person, and what to do. Pure.

3.1.1 has few of them (CONNACK's return codes, which paho turns into these, and SUBACK's 0x80); 5.0 has them on every
answer. Source: MQTT 5.0, section 2.4; the names are the specification's, so that they can be looked up.
"""

from typing import Final, NamedTuple

FAILURES: Final = 0x80
"""From here on a code is a failure."""

UNSUPPORTED_VERSION: Final = 0x84
NOT_AUTHORIZED: Final = 0x87
_MOVED: Final = frozenset({0x9C, 0x9D})
_LONGEST_REFERENCE: Final = 120

_LOG: Final = "Look into the broker's log."
_AGAIN: Final = "It is tried again by itself, with growing pauses."
_PAGE: Final = "see edge-agent docs brokers."


class Reason(NamedTuple):
    """`what` goes on a sentence about the broker; `step` is what a person can do."""

    what: str
    step: str


_REASONS: Final[dict[int, Reason]] = {
    0x80: Reason("Unspecified error", _LOG),
    0x81: Reason("Malformed packet", f"{_LOG} If it goes on, set mqtt.protocol to the other version."),
    0x82: Reason("Protocol error", f"{_LOG} If it goes on, set mqtt.protocol to the other version."),
    0x83: Reason("Implementation specific error", _LOG),
    0x84: Reason("Unsupported protocol version", 'Set mqtt.protocol to "auto", or to the version that it takes.'),
    0x85: Reason("Client identifier not valid", "Let the broker take client names that begin with edge-agent-."),
    0x86: Reason("Bad user name or password", "Check the credentials file; a corrected one is read by itself."),
    0x87: Reason("Not authorized", "Check the credentials (user and password) and the broker's access rules."),
    0x88: Reason("Server unavailable", _AGAIN),
    0x89: Reason("Server busy", _AGAIN),
    0x8A: Reason("Banned", "Ask whoever runs the broker why this client is shut out."),
    0x8B: Reason("Server shutting down", _AGAIN),
    0x8C: Reason("Bad authentication method", "Let the broker take a user name and password."),
    0x8D: Reason("Keep alive timeout", f"Check the network, or lengthen mqtt.keepalive. {_AGAIN}"),
    0x8E: Reason(
        "Session taken over: another client has connected under this device's name",
        "Give every device a device_id of its own.",
    ),
    0x8F: Reason("Topic filter invalid", _LOG),
    0x90: Reason("Topic name invalid", f"Check the topic root (mqtt.root) against the broker's rules; {_PAGE}"),
    0x91: Reason("Packet identifier in use", _AGAIN),
    0x93: Reason("Receive maximum exceeded", _LOG),
    0x95: Reason("Packet too large", f"Raise the broker's largest packet (mosquitto: max_packet_size); {_PAGE}"),
    0x96: Reason("Message rate too high", f"Raise the broker's limit for this client. {_AGAIN}"),
    0x97: Reason("Quota exceeded", "Raise what the broker lets this client keep and use."),
    0x98: Reason("Administrative action", "Ask whoever runs the broker why."),
    0x99: Reason("Payload format invalid", "Let the broker take any bytes on the fleet's topics."),
    0x9A: Reason(
        "Retain not supported: it keeps no retained messages, on which packs are carried",
        f"Switch them on (mosquitto: retain_available true), or use another broker; {_PAGE}",
    ),
    0x9B: Reason("QoS not supported", f"Let the broker take QoS 1 (mosquitto: max_qos 1); {_PAGE}"),
    0x9C: Reason("Use another server", "Name the other server in mqtt.host."),
    0x9D: Reason("Server moved", "Name the new server in mqtt.host."),
    0x9E: Reason("Shared subscription not supported", "Collect without --share, or use another broker."),
    0x9F: Reason("Connection rate exceeded", _AGAIN),
    0xA0: Reason("Maximum connect time", _AGAIN),
    0xA2: Reason("Wildcard subscription not supported", f"Devices do without; operators' commands may not; {_PAGE}"),
}


def reason(code: int, server: str | None = None) -> Reason:
    """Return what `code` means. `server` is where the broker points to: shown, and never followed by itself."""
    found = _REASONS.get(code, Reason(f"reason code 0x{code:02x}", _LOG))
    if server and code in _MOVED:
        return Reason(f"{found.what}: {server[:_LONGEST_REFERENCE]!a}", found.step)
    return found
