"""A model with the words of a voice pack: the network that is here, and a graph that came signed (shell: files).

    FITTED/current.json       which fitted model is in use, for which network, and the hash of each of its files
    FITTED/<12 digits>/       that model, as Vosk reads it: links to the base model, and what the pack brought

The graph is read by native code, so it is looked at first: names, sizes, hashes, the structure of each transducer,
and that it speaks of no more than the network has (`fst`). `trying` then loads it in a process of its own.
"""

import hashlib
import logging
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from edge_agent.durable import write_durably
from edge_agent.model.errors import StorageError, VoiceError
from edge_agent.model.identity import Sha256
from edge_agent.settings.rooms import VoiceSettings
from edge_agent.voice.fst import check_const, check_lookahead
from edge_agent.voice.grammar import Vocabulary
from edge_agent.voice.models import Model, check_model, model_for

_log = logging.getLogger(__name__)

PHRASES_FILE: Final = "phrases.json"
"""In a model's folder: which phrases and words were added to it. Not read by Vosk, and not by a device."""

LARGEST_FILE_BYTES: Final = 64 * 2**20
_BASE: Final = ("am/final.mdl", "conf/mfcc.conf", "conf/model.conf")
_HCL, _G, _WORDS = "graph/HCLr.fst", "graph/Gr.fst", "graph/words.txt"
NEEDED: Final = (_HCL, _G, _WORDS)
"""What every voice pack brings."""

_CURRENT: Final = "current.json"
_BLOCK_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Brought:
    """A file of a voice pack: where it lies, as zlib streams in a row, and what it must be when it is unpacked."""

    packed: Path
    sha256: str
    length: int


class _Current(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    base: Sha256
    name: str
    files: Mapping[str, Sha256]


def base_hash(directory: Path) -> str:
    """Return the SHA-256 that names a model's network and the way it hears; its words have no part in it.

    It is that of one line `<sha256>  <path>` for each of am/final.mdl, conf/mfcc.conf and conf/model.conf, as
    sha256sum prints them. Raise VoiceError where one is missing: only models in that layout take voice packs.
    """
    lines = []
    for name in _BASE:
        try:
            lines.append(f"{hashlib.sha256((directory / name).read_bytes()).hexdigest()}  {name}\n")
        except OSError as error:
            raise VoiceError(
                f"The speech model in {directory} lacks {name}: voice packs are not made for it.",
                "Use the packaged model, or one that you trained.",
            ) from error
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def is_carried(name: str) -> bool:
    """Whether a file of a model belongs into a voice pack: the words, and small files beside them, but no network."""
    return name not in {"README.md", PHRASES_FILE} and name not in _BASE


def fitted_directory(settings: VoiceSettings) -> Path | None:
    """Return where fitted models of these settings are kept."""
    return None if settings.models_directory is None else settings.models_directory / "fitted"


def heard_model(settings: VoiceSettings) -> Model:
    """Return the model to hear with: `model_for` these settings, with the words of the last good voice pack."""
    return in_use(model_for(settings), fitted_directory(settings))


def name_of(base: Model, files: Mapping[str, Brought]) -> str:
    """Return the name of the fitted model of these files, which no other files have."""
    lines = "".join(f"{name} {file.sha256} {file.length}\n" for name, file in sorted(files.items()))
    return hashlib.sha256(f"{base_hash(base.directory)}\n{lines}".encode()).hexdigest()[:12]


def fit(base: Model, files: Mapping[str, Brought], fitted: Path) -> Model:
    """Make a model of `base` and `files` below `fitted`, and return it; `use` makes it the one that is in use.

    Raise VoiceError, with one sentence, for a file that is not what was signed or that the network cannot go with;
    StorageError for the disk. Nothing is left behind then, and what was in use stays.
    """
    for name in files:
        if not is_carried(name):
            raise VoiceError(f"The voice pack brings {name}, which is not its to bring.", "Publish it again.")
    if missing := [name for name in NEEDED if name not in files]:
        raise VoiceError(f"The voice pack lacks {missing[0]}.", "Publish it again.")
    key = name_of(base, files)
    with _translated(fitted):
        fitted.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=fitted, prefix=".fitting-") as scratch:
            fresh = Path(scratch) / key
            _link_base(base, fresh, files)
            for name, file in files.items():
                path = fresh / name
                path.parent.mkdir(parents=True, exist_ok=True)
                _unpack(file, path, name)
            _check_words(base, fresh)
            check_model(fresh)
            target = fitted / key
            if target.exists():
                target.rename(Path(scratch) / "before")
            fresh.chmod(0o755)
            fresh.rename(target)
    return check_model(target)


def use(base: Model, model: Model, fitted: Path) -> None:
    """Make a fitted model the one in use, from the next start on too. Raise StorageError."""
    with _translated(fitted):
        brought = [path for path in model.directory.rglob("*") if path.is_file() and not path.is_symlink()]
        current = _Current(
            base=base_hash(base.directory),
            name=model.name,
            files={str(path.relative_to(model.directory)): _sha256_of(path) for path in sorted(brought)},
        )
        write_durably(fitted / _CURRENT, [current.model_dump_json().encode()])


def forget(fitted: Path) -> None:
    """Use the base model from the next start on. Raise StorageError."""
    with _translated(fitted):
        (fitted / _CURRENT).unlink(missing_ok=True)


def tidy(fitted: Path, heard: Model) -> None:
    """Remove what was fitted before, once all that hears does so with `heard`: an ear may load its model late."""
    with _translated(fitted):
        for path in fitted.iterdir() if fitted.is_dir() else ():
            if path.is_dir() and path != heard.directory:
                shutil.rmtree(path, ignore_errors=True)


def in_use(base: Model, fitted: Path | None) -> Model:
    """Return the fitted model that is in use with `base`, else `base` itself.

    A fitted model is for one network, and each of its files must still be what was signed: what a bad disk has
    changed is said once and not loaded.
    """
    if fitted is None:
        return base
    try:
        current = _Current.model_validate_json((fitted / _CURRENT).read_bytes())
        directory = fitted / current.name
        if current.base != base_hash(base.directory):
            return base
        damaged = [name for name, sha256 in current.files.items() if _sha256_of(directory / name) != sha256]
        if not damaged:
            return check_model(directory)
        _log.warning("%s was damaged: the words of the voice pack are fetched again.", directory / damaged[0])
    except FileNotFoundError:
        pass
    except (OSError, ValidationError, VoiceError) as error:
        _log.warning("The words of the last voice pack cannot be used: %s", error)
    return base


def _link_base(base: Model, fresh: Path, files: Mapping[str, Brought]) -> None:
    for path in sorted(base.directory.rglob("*")):
        name = str(path.relative_to(base.directory))
        if path.is_file() and name not in files and (is_carried(name) or name in _BASE):
            link = fresh / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.resolve())


def _unpack(file: Brought, path: Path, name: str) -> None:
    """Unpack at most the length that was signed: what unpacks to more is not written any further."""
    digest, length = hashlib.sha256(), 0
    with file.packed.open("rb") as packed, path.open("xb") as out:
        try:
            for block in _unpacked(iter(lambda: packed.read(_BLOCK_BYTES), b"")):
                length += len(block)
                if length > min(file.length, LARGEST_FILE_BYTES):
                    break
                digest.update(block)
                out.write(block)
        except zlib.error as error:
            raise VoiceError(f"The voice pack's {name} cannot be unpacked.", "Publish it again.") from error
        out.flush()
        os.fsync(out.fileno())
    if length != file.length or digest.hexdigest() != file.sha256:
        raise VoiceError(f"The voice pack's {name} is not what was signed.", "Publish it again.")


def _unpacked(blocks: Iterator[bytes]) -> Iterator[bytes]:
    stream = zlib.decompressobj()
    for packed in blocks:
        waiting = packed
        while waiting:
            if stream.eof:
                stream = zlib.decompressobj()
            yield stream.decompress(waiting, _BLOCK_BYTES)
            waiting = stream.unconsumed_tail or stream.unused_data
    if not stream.eof:
        raise zlib.error("it is cut short")


def _check_words(base: Model, fresh: Path) -> None:
    """Check that the graph is whole, and speaks of no sound and no word that is not there."""
    try:
        text = (fresh / _WORDS).read_text("utf-8")
        numbers = {int(line.split()[1]) for line in text.splitlines()}
    except (UnicodeDecodeError, ValueError, IndexError) as error:
        raise VoiceError(f"The voice pack's {_WORDS} is no list of words.", "Publish it again.") from error
    if not Vocabulary.parse(text).words:
        raise VoiceError("The voice pack has no words.", "Publish it again.")
    here = check_lookahead((base.directory / _HCL).read_bytes(), _HCL)
    hcl = check_lookahead((fresh / _HCL).read_bytes(), f"The voice pack's {_HCL}")
    words = check_const((fresh / _G).read_bytes(), f"The voice pack's {_G}")
    if hcl.taken > here.taken:
        raise VoiceError("The voice pack's graph has sounds that the network does not know.", "Publish it again.")
    if max(hcl.given, words.given, words.taken) > max(numbers):
        raise VoiceError("The voice pack's graph has words that are not in its list.", "Publish it again.")


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _translated(fitted: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"The voice pack's words cannot be kept in {fitted}: {error.strerror or error}.",
            "Free some space or check the disk; until then the old words are heard.",
        ) from error
