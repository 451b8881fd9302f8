"""The collector's key pair: the public half signed for devices, the private half kept by the operator.

`new_report_key` is pure but for the operating system's randomness. The private document is the only thing that
opens reports: whoever has it, and the broker's traffic, reads the (randomised) answers.
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.measure.report_key import Kem, ReportKey
from edge_agent.model.errors import FormatError

MLKEM768_SEED_BYTES: Final = 64


PrivateKey = x25519.X25519PrivateKey | hpke.MLKEM768X25519PrivateKey


@dataclass(frozen=True)
class OpeningKey:
    """A private key that opens reports, the KEM it belongs to, and its public half."""

    kem: Kem
    key: PrivateKey
    public: ReportKey


class _PrivateDocument(BaseModel):
    """`private_key` is base64 of the raw X25519 key, behind the 64-byte ML-KEM seed (FIPS 203 d‖z) if hybrid."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: int = Field(default=1, ge=1, le=1)
    kem: Kem
    private_key: str


def new_report_key(kem: Kem = Kem.HYBRID) -> tuple[bytes, bytes]:
    """Return (public document to publish as `config/report-key.json`, private document for a file of mode 0600).

    Raises FormatError when this machine's OpenSSL cannot make a key of that KEM.
    """
    curve = x25519.X25519PrivateKey.generate()
    secret, public = curve.private_bytes_raw(), curve.public_key().public_bytes_raw()
    if kem is Kem.HYBRID:
        try:
            lattice = mlkem.MLKEM768PrivateKey.generate()
        except UnsupportedAlgorithm as error:
            raise FormatError(
                "This machine's OpenSSL does not know ML-KEM.", "Install the wheel of cryptography 48 or newer."
            ) from error
        secret = lattice.private_bytes_raw() + secret
        public = lattice.public_key().public_bytes_raw() + public
    document = _public_document(kem, public)
    private = _PrivateDocument(kem=kem, private_key=base64.b64encode(secret).decode())
    return document.model_dump_json().encode(), private.model_dump_json().encode()


def read_private_key(document: bytes) -> OpeningKey:
    """Parse a private document made by `new_report_key`. Raises FormatError (which never quotes the document)."""
    try:
        parsed = _PrivateDocument.model_validate_json(document)
        raw = base64.b64decode(parsed.private_key, validate=True)
        match parsed.kem:
            case Kem.CLASSIC:
                curve = x25519.X25519PrivateKey.from_private_bytes(raw)
                return OpeningKey(
                    parsed.kem, curve, _public_document(parsed.kem, curve.public_key().public_bytes_raw())
                )
            case Kem.HYBRID:
                lattice = mlkem.MLKEM768PrivateKey.from_seed_bytes(raw[:MLKEM768_SEED_BYTES])
                curve = x25519.X25519PrivateKey.from_private_bytes(raw[MLKEM768_SEED_BYTES:])
                public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
                return OpeningKey(
                    parsed.kem, hpke.MLKEM768X25519PrivateKey(lattice, curve), _public_document(parsed.kem, public)
                )
    except (ValidationError, ValueError):
        # No `from`: a validation error quotes its input, and this input is the secret.
        raise FormatError("The private report key is damaged.", "Restore it from your backup.") from None


def key_id(key: ReportKey) -> str:
    """Return the SHA-256 of the public key, in hexadecimal: the name of it that people are shown."""
    return hashlib.sha256(base64.b64decode(key.public_key)).hexdigest()


def _public_document(kem: Kem, raw: bytes) -> ReportKey:
    return ReportKey(kem=kem, public_key=base64.b64encode(raw).decode())
