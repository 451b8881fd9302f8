"""MQTT packets as bytes, for tests of what reads them."""


def framed(first: int, body: bytes) -> bytes:
    """Return a packet with that first byte, and the length of `body` as the protocol writes it."""
    header, rest = bytearray([first]), len(body)
    while True:
        rest, byte = divmod(rest, 128)
        header.append(byte | (0x80 if rest else 0))
        if not rest:
            return bytes(header) + body
