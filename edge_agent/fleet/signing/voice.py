"""Signs the words of a speech model as a voice pack, and keeps its chunks in the fleet folder.

Only what differs by words is carried: the network stays on the devices, and a pack names it by its hash.
"""

import hashlib
import zlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from edge_agent.fleet.signing.chunk_folder import ChunkKeeper
from edge_agent.fleet.signing.chunker import chunks
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.signed_packs import Progress
from edge_agent.model.errors import FormatError, VoiceError
from edge_agent.model.identity import sha256_hex
from edge_agent.packs.formats.documents import MAX_DOCUMENT_BYTES, validate
from edge_agent.packs.formats.manifest import Chunk
from edge_agent.packs.formats.voice_pack import MIME, VoicePack, parse_voice_pack, voice_target
from edge_agent.voice.fitting import NEEDED, base_hash, is_carried
from edge_agent.voice.grammar import build_grammar
from edge_agent.voice.libvosk import Decoder
from edge_agent.voice.models import check_model
from edge_agent.voice.phrases.adding import language_of, read_phrases

_COMPRESSION: Final = 9


@dataclass(frozen=True, slots=True)
class SignedVoice:
    """A voice pack that was signed: `changed` is False when exactly these words were signed before."""

    name: str
    version: int
    phrases: tuple[str, ...]
    total_bytes: int
    changed: bool


def sign_voice(fleet: FleetRepository, model: Path, now: datetime, progress: Progress) -> SignedVoice:
    """Sign the words of the model in that folder for every device with its network. Commits when anything changed.

    Raises VoiceError where the folder holds no such model, or one that does not work with its phrases.
    """
    found = check_model(model)
    base, lang = base_hash(model), language_of(found)
    phrases = tuple(read_phrases(model).get("phrases", ()))
    missing = [name for name in NEEDED if not (model / name).is_file()]
    if missing:
        raise VoiceError(f"The speech model in {model} lacks {missing[0]}.", "Make it with edge-agent model.")
    Decoder(found.load(), build_grammar(phrases, found.vocabulary()).for_vosk)
    paths = {
        name: path
        for path in sorted(model.rglob("*"))
        if path.is_file() and is_carried(name := str(path.relative_to(model))) and path.stat().st_size
    }
    name = voice_target(lang)
    old = parse_voice_pack(fleet.document(name), name) if name in fleet.files else None
    with ChunkKeeper(fleet) as keeper:
        files = _packed(keeper, paths, progress)
    value = {
        "version": old.version if old is not None else 1,
        "lang": lang,
        "base": base,
        "phrases": phrases,
        "files": files,
    }
    pack = validate(VoicePack, value, str(model))
    changed = pack != old
    if changed:
        if old is not None:
            pack = pack.model_copy(update={"version": old.version + 1})
        content = pack.to_bytes()
        if len(content) > MAX_DOCUMENT_BYTES:
            raise FormatError(f"{model} makes a document of {len(content)} bytes.", "Use a smaller model.")
        fleet.put(name, content)
        fleet.commit(now)
    return SignedVoice(name, pack.version, pack.phrases, pack.total_bytes, changed)


def withdraw_voice(fleet: FleetRepository, lang: str, now: datetime) -> str:
    """Take a language's voice pack back and commit: devices hear with their own words again. Raises SettingsError."""
    name = voice_target(lang)
    fleet.remove(name)
    fleet.commit(now)
    return name


def _packed(keeper: ChunkKeeper, paths: dict[str, Path], progress: Progress) -> dict[str, object]:
    total_bytes, done_bytes = sum(path.stat().st_size for path in paths.values()), 0
    files: dict[str, object] = {}
    for name, path in paths.items():
        content = path.read_bytes()
        packed, pieces = hashlib.sha256(), []
        for piece in chunks(content):
            squeezed = zlib.compress(piece, _COMPRESSION)
            packed.update(squeezed)
            pieces.append(Chunk(sha256=keeper.keep(squeezed), length=len(squeezed)))
            done_bytes += len(piece)
            progress("signing", done_bytes, total_bytes)
        files[name] = {
            "sha256": sha256_hex(content),
            "length": len(content),
            "packed": {
                "sha256": packed.hexdigest(),
                "length": sum(piece.length for piece in pieces),
                "mime": MIME,
                "chunks": pieces,
            },
        }
    return files
