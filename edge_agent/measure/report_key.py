"""The collector's public key: a small signed document, `config/report-key.json`, that devices seal reports to (pure).

Two KEMs are known. `MLKEM768-X25519` (X-Wing; HPKE KEM id 0x647a, draft-ietf-hpke-pq) is the default: the broker
is trusted with nothing and may keep what passes through it for as long as it likes, so a report should stay closed
after X25519 alone has fallen. It costs 1,088 bytes a report. `X25519` (RFC 9180) is for fleets whose devices link
cryptography to an OpenSSL older than 3.5, which has no ML-KEM (the wheels on PyPI have it from version 48 on).
"""

import base64
import binascii
from enum import StrEnum

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.model.errors import FormatError

TARGET = "config/report-key.json"
"""The signed target's path."""

MLKEM768_PUBLIC_BYTES = 1184

PublicKey = x25519.X25519PublicKey | hpke.MLKEM768X25519PublicKey


class Kem(StrEnum):
    """The key encapsulations that a report key may use."""

    HYBRID = "MLKEM768-X25519"
    CLASSIC = "X25519"


class ReportKey(BaseModel):
    """`{"v":1,"kem":…,"public_key":base64}`. The hybrid key is the ML-KEM-768 key, then the X25519 key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: int = Field(default=1, ge=1, le=1)
    kem: Kem
    public_key: str = Field(max_length=4096)

    def public(self) -> PublicKey:
        """Return the key. Raises FormatError when it is not one, or this device cannot compute with its KEM."""
        try:
            raw = base64.b64decode(self.public_key, validate=True)
            match self.kem:
                case Kem.CLASSIC:
                    return x25519.X25519PublicKey.from_public_bytes(raw)
                case Kem.HYBRID:
                    return hpke.MLKEM768X25519PublicKey(
                        mlkem.MLKEM768PublicKey.from_public_bytes(raw[:MLKEM768_PUBLIC_BYTES]),
                        x25519.X25519PublicKey.from_public_bytes(raw[MLKEM768_PUBLIC_BYTES:]),
                    )
        except (binascii.Error, ValueError) as error:
            raise FormatError(
                "The report key is not a key of the kind that it names.", "Run `edge-agent fleet keys init` again."
            ) from error
        except UnsupportedAlgorithm as error:
            raise FormatError(
                f"This device's OpenSSL does not know {self.kem}.",
                "Install the wheel of cryptography 48 or newer from PyPI, or give the fleet an X25519 key "
                "(edge-agent fleet keys rotate reports --x25519).",
            ) from error


def read_report_key(document: bytes) -> ReportKey:
    """Parse and check the signed document. Raises FormatError; the key in it is known to be usable."""
    try:
        key = ReportKey.model_validate_json(document)
    except ValidationError as error:
        raise FormatError(
            "The report key document does not follow its format.", "Publish the report key again."
        ) from error
    key.public()
    return key
