"""The voice pack format, version 1: the words of a speech model, for the network that a device has already. Pure.

A voice pack is the TUF target `config/voice/<lang>.json`, signed by the operator's config key: UTF-8 JSON of at most
128 KiB.

    {"v": 1, "version": 2, "lang": "en", "base": "<sha256>", "phrases": ["hey glowbar"],
     "files": {"graph/HCLr.fst": {"sha256": "…", "length": 2680994,
                                  "packed": {"sha256": "…", "length": 447785, "mime": "application/zlib",
                                             "chunks": [{"sha256": "…", "length": 9120}, …]}}, …}}

`base` names the network (`voice.fitting.base_hash`). A file travels as zlib streams (RFC 1950) in a row, one a
chunk, cut where the content says: an unchanged piece is the same chunk in the next version. `phrases` is for people.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge_agent.model.errors import FormatError
from edge_agent.model.identity import Sha256
from edge_agent.packs.formats.documents import MAX_DOCUMENT_BYTES, parse_json, validate
from edge_agent.packs.formats.manifest import PackedAsset

FORMAT_VERSION: Final = 1
MIME: Final = "application/zlib"
MAX_FILES: Final = 32
MAX_PHRASES: Final = 256
MAX_PHRASE_CHARS: Final = 200
MAX_PACK_BYTES: Final = 32 * 2**20
MAX_UNPACKED_BYTES: Final = 128 * 2**20

FileName = Annotated[
    str, Field(pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.-]{0,63}/){0,2}[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$")
]
"""A relative path of at most three parts, none of which begins with a dot."""

Lang = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
_TARGET: Final = re.compile(r"config/voice/([a-z]{2,3})\.json")


class VoiceFile(BaseModel):
    """A file of a model: what it is when it is unpacked, and how it travels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Sha256
    length: int = Field(gt=0)
    packed: PackedAsset


class VoicePack(BaseModel):
    """The words of one language. `version` grows with each publication."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: Literal[1] = FORMAT_VERSION
    version: int = Field(ge=1)
    lang: Lang
    base: Sha256
    phrases: tuple[Annotated[str, Field(max_length=MAX_PHRASE_CHARS)], ...] = Field(
        default=(), max_length=MAX_PHRASES
    )
    files: Mapping[FileName, VoiceFile] = Field(min_length=1, max_length=MAX_FILES)

    @model_validator(mode="after")
    def _within_bounds(self) -> Self:
        if self.total_bytes > MAX_PACK_BYTES:
            raise ValueError(f"it has {self.total_bytes} bytes; at most {MAX_PACK_BYTES} are taken")
        unpacked = sum(file.length for file in self.files.values())
        if unpacked > MAX_UNPACKED_BYTES:
            raise ValueError(f"it unpacks to {unpacked} bytes; at most {MAX_UNPACKED_BYTES} are taken")
        return self

    @property
    def shelf_name(self) -> str:
        """What messages call it."""
        return f"voice/{self.lang}"

    @property
    def assets(self) -> Mapping[str, PackedAsset]:
        """What has to be fetched, by file name."""
        return {name: file.packed for name, file in self.files.items()}

    @property
    def total_bytes(self) -> int:
        """Bytes that travel to a device that has none of it."""
        return sum(asset.length for asset in self.assets.values())

    def to_bytes(self) -> bytes:
        """Return the document that is signed."""
        value = {"v": self.v} | self.model_dump(mode="json", exclude_defaults=True)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def voice_target(lang: str) -> str:
    """Return the name of a language's voice pack in the repository."""
    return f"config/voice/{lang}.json"


def is_voice_pack(name: str) -> bool:
    """Whether a document of that name is a voice pack."""
    return _TARGET.fullmatch(name) is not None


def parse_voice_pack(content: bytes, name: str) -> VoicePack:
    """Return the voice pack in `content`, whose signature is already verified to be that of `name`.

    Raises FormatError for an unknown format version, a path that leads elsewhere, anything out of its limits, or a
    pack that speaks for another language than its name.
    """
    what = f"The voice pack {name}"
    value = parse_json(content, what, MAX_DOCUMENT_BYTES)
    if value.get("v") != FORMAT_VERSION:
        raise FormatError(
            f"{what} has format version {value.get('v')!r:.20}; this agent reads version {FORMAT_VERSION}.",
            "Update the agent, or publish the voice pack in the older format.",
        )
    pack = validate(VoicePack, value, what)
    if voice_target(pack.lang) != name:
        raise FormatError(f'{what} says of itself that it is for the language "{pack.lang}".')
    return pack
