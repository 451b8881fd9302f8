"""Seal a report to the collector with HPKE (RFC 9180, base mode, single shot); every sealed report is equally long.

Suite: the report key's KEM, HKDF-SHA256, ChaCha20-Poly1305 (constant-time in software: a Raspberry Pi before the 5th
has no AES instructions). `info` binds a message to this use and version. The plaintext is the report's JSON filled
up with spaces to `PLAIN_BYTES`, so that a length tells nobody which creative or answer is inside; with the MQTT
header a hybrid message still fits one Ethernet frame. Base mode does not authenticate the sender, on purpose: who
could be authenticated could be recognised. Pure but for HPKE's fresh ephemeral key.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import x25519
from pydantic import ValidationError

from edge_agent.measure.report_key import Kem, ReportKey
from edge_agent.model.errors import FormatError, UntrustedError
from edge_agent.model.report import ImpressionReport

CONTEXT = b"edge-agent impression report v1"
PLAIN_BYTES = 288
TAG_BYTES = 16


def suite(kem: Kem) -> hpke.Suite:
    """Return the cipher suite for keys of that KEM."""
    known = {Kem.CLASSIC: hpke.KEM.X25519, Kem.HYBRID: hpke.KEM.MLKEM768_X25519}
    return hpke.Suite(known[kem], hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)


def sealed_bytes(kem: Kem) -> int:
    """Return the length of every report that is sealed with that KEM: 336 (classic) or 1,424 (hybrid) bytes."""
    enc = {Kem.CLASSIC: 32, Kem.HYBRID: 1120}
    return enc[kem] + PLAIN_BYTES + TAG_BYTES


def seal(report: ImpressionReport, key: ReportKey) -> bytes:
    """Return enc ‖ ciphertext, `sealed_bytes(key.kem)` long."""
    plain = report.model_dump_json().encode()
    if len(plain) > PLAIN_BYTES:
        raise RuntimeError("PLAIN_BYTES is too small for the longest report")
    return suite(key.kem).encrypt(plain.ljust(PLAIN_BYTES), key.public(), CONTEXT)


def open_sealed(
    sealed: bytes, kem: Kem, private: x25519.X25519PrivateKey | hpke.MLKEM768X25519PrivateKey
) -> ImpressionReport:
    """Open one message, checking in this order.

    1. It has exactly the length of a sealed report (FormatError).
    2. It was sealed to this key, for this use, and not altered (UntrustedError).
    3. It holds a well-formed report and nothing else (FormatError).
    """
    if len(sealed) != sealed_bytes(kem):
        raise FormatError("A message does not have the length of a sealed report.")
    try:
        plain = suite(kem).decrypt(sealed, private, CONTEXT)
    except (InvalidTag, ValueError) as error:
        raise UntrustedError("A message was not sealed to this key, or was altered on its way.") from error
    try:
        return ImpressionReport.model_validate_json(plain)
    except ValidationError as error:
        raise FormatError("A message was sealed to this key but holds no report.") from error
