"""The collector's key pair: made once, the public half signed for devices, the private half kept by the operator.

`new_report_key` is pure but for the operating system's randomness. The private document is the only thing that
opens reports: whoever has it, and the broker's traffic, reads the (randomised) answers.
"""

import base64
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.measure.report_key import Kem, ReportKey
from edge_agent.model.errors import FormatError, SettingsError

MLKEM768_SEED_BYTES = 64

PRIVATE_NAMES = "report-key*.private.json"
"""Private halves in a fleet's `keys/` folder. Keep old ones: late devices sealed to them."""

PrivateKey = x25519.X25519PrivateKey | hpke.MLKEM768X25519PrivateKey


@dataclass(frozen=True)
class OpeningKey:
    """A private key that opens reports, and the KEM it belongs to."""

    kem: Kem
    key: PrivateKey


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
    document = ReportKey(kem=kem, public_key=base64.b64encode(public).decode())
    private = _PrivateDocument(kem=kem, private_key=base64.b64encode(secret).decode())
    return document.model_dump_json().encode(), private.model_dump_json().encode()


def read_private_key(document: bytes) -> OpeningKey:
    """Parse a private document made by `new_report_key`. Raises FormatError (which never quotes the document)."""
    try:
        parsed = _PrivateDocument.model_validate_json(document)
        raw = base64.b64decode(parsed.private_key, validate=True)
        match parsed.kem:
            case Kem.CLASSIC:
                return OpeningKey(parsed.kem, x25519.X25519PrivateKey.from_private_bytes(raw))
            case Kem.HYBRID:
                return OpeningKey(
                    parsed.kem,
                    hpke.MLKEM768X25519PrivateKey(
                        mlkem.MLKEM768PrivateKey.from_seed_bytes(raw[:MLKEM768_SEED_BYTES]),
                        x25519.X25519PrivateKey.from_private_bytes(raw[MLKEM768_SEED_BYTES:]),
                    ),
                )
    except (ValidationError, ValueError):
        # No `from`: a validation error quotes its input, and this input is the secret.
        raise FormatError("The private report key is damaged.", "Restore it from your backup.") from None


def opening_keys(fleet_dir: Path) -> list[OpeningKey]:
    """Read every private report key of a fleet, newest name first.

    Raises FormatError when there is none, SettingsError when it may not be read.
    """
    folder = fleet_dir / "keys"
    try:
        # glob would take a folder that it may not read for an empty one
        paths = sorted((path for path in folder.iterdir() if path.match(PRIVATE_NAMES)), reverse=True)
        documents = [path.read_bytes() for path in paths]
    except (FileNotFoundError, NotADirectoryError):
        documents = []
    except OSError as error:
        raise SettingsError(
            f"The private report key in {folder} cannot be read: {error.strerror or error}.",
            "Run this as the owner of the fleet's folder, or check who may read it.",
        ) from error
    if not documents:
        raise FormatError(f"There is no private report key in {folder}.", "Run `edge-agent fleet keys init` first.")
    return [read_private_key(document) for document in documents]
