"""Install a speech model from the network or a file (shell: HTTP and files).

1. Fetch the archive into a file named by its expected SHA-256; an interrupted download goes on where it stopped.
2. Its SHA-256 is the expected one, or it is deleted.
3. It is unpacked into a new folder: no absolute paths, no "..", no links, no more than `LARGEST_MODEL_BYTES`.
4. There is one model in it, and it takes phrases at run time.
5. Only then it gets its name, in one step: a half installed model is never seen.
"""

import asyncio
import hashlib
import lzma
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import aiohttp

from edge_agent.durable import flush
from edge_agent.model.errors import StorageError, VoiceError
from edge_agent.voice.models import check_model

OFFICIAL: Final[Mapping[str, str]] = MappingProxyType(
    {
        name: f"https://alphacephei.com/vosk/models/{name}.zip"
        for name in ("vosk-model-small-en-us-0.15", "vosk-model-small-cn-0.22")
    }
)
"""Where the official small models are. Their SHA-256 is not published there: the caller brings it."""

LARGEST_ARCHIVE_BYTES: Final = 2 * 2**30
LARGEST_MODEL_BYTES: Final = 4 * 2**30
MOST_FILES: Final = 1000
ATTEMPTS: Final = 5
_BLOCK_BYTES: Final = 2**16
_PARTIAL: Final = 206
_RANGE_NOT_SATISFIABLE: Final = 416
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, lzma.LZMAError)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many bytes are done, and how many there are (0 where that is not known)."""


async def install(source: str, sha256: str, models: Path, progress: Progress = lambda *_: None) -> Path:
    """Install the model that `source` (an official name, a URL or a file) has; return its directory in `models`.

    Raise VoiceError for what is wrong with the model, StorageError for the disk.
    """
    digest = sha256.lower()
    if not _SHA256.fullmatch(digest):
        raise VoiceError(f'"{sha256}" is no SHA-256: 64 hexadecimal digits.', "Take it from whom you trust.")
    url = OFFICIAL.get(source, source)
    try:
        _make(models)
        if url.startswith(("http://", "https://")):
            archive = models / f".{digest}.part"
            await fetch(url, archive, progress)
            kept = False
        else:
            archive, kept = Path(source), True
            if not archive.is_file():
                raise VoiceError(
                    f"{source} is no official model, no http(s) address and no file here.",
                    f"Name one of {', '.join(OFFICIAL)}, a URL, or a zip file.",
                )
        try:
            await asyncio.to_thread(verify, archive, digest, progress)
            return await asyncio.to_thread(unpack, archive, models, _name_of(url), progress)
        finally:
            if not kept:
                archive.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"The model cannot be installed in {models}: {reason}.", "Check the disk.") from error


async def fetch(url: str, to: Path, progress: Progress) -> None:
    """Download `url` into `to`, going on after what is already there. Raise VoiceError; `to` is then kept."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        for attempt in range(1, ATTEMPTS + 1):
            before = _size(to)
            try:
                await _fetch_once(session, url, to, progress)
            except (aiohttp.ClientError, TimeoutError) as error:
                stuck = _size(to) <= before
                refused = isinstance(error, aiohttp.ClientResponseError)
                if attempt == ATTEMPTS or stuck or refused:
                    reason = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
                    raise VoiceError(
                        f"{url} could not be downloaded: {reason or type(error).__name__}.",
                        "Run the same command again: it goes on where it stopped.",
                    ) from error
            else:
                return


async def _fetch_once(session: aiohttp.ClientSession, url: str, to: Path, progress: Progress) -> None:
    have = _size(to)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    async with session.get(url, headers=headers) as response:
        if response.status == _RANGE_NOT_SATISFIABLE:
            if response.headers.get("Content-Range") == f"bytes */{have}":
                return
            _forget(to)
            raise aiohttp.ClientPayloadError("the file there is shorter than what was downloaded before")
        response.raise_for_status()
        begins = f"bytes {have}-"
        goes_on = response.status == _PARTIAL and response.headers.get("Content-Range", "").startswith(begins)
        if not goes_on:
            have = 0
        total = have + (response.content_length or 0)
        if total > LARGEST_ARCHIVE_BYTES:
            raise VoiceError(f"{url} is larger than {LARGEST_ARCHIVE_BYTES >> 30} GiB.", "Use a small model.")
        with to.open("ab" if goes_on else "wb") as file:
            async for block in response.content.iter_chunked(_BLOCK_BYTES):
                file.write(block)
                have += len(block)
                if have > LARGEST_ARCHIVE_BYTES:
                    raise VoiceError(f"{url} is larger than {LARGEST_ARCHIVE_BYTES >> 30} GiB.", "Use a small model.")
                progress("Downloading", have, total)


def verify(archive: Path, sha256: str, progress: Progress) -> None:
    """Raise VoiceError when the archive's SHA-256 is another one."""
    hashed = hashlib.sha256()
    size = archive.stat().st_size
    with archive.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            hashed.update(block)
            progress("Checking", file.tell(), size)
    if hashed.hexdigest() != sha256:
        raise VoiceError(
            f"The archive's SHA-256 is {hashed.hexdigest()}, not {sha256}.",
            "Do not use it before you know why; it was not installed.",
        )


def unpack(archive: Path, models: Path, name: str, progress: Progress) -> Path:
    """Unpack the one model in `archive` into `models`; return its directory. Raise VoiceError, leaving nothing."""
    with tempfile.TemporaryDirectory(dir=models, prefix=".unpacking-") as scratch:
        folder = Path(scratch)
        try:
            with zipfile.ZipFile(archive) as zipped:
                _extract(zipped, folder, progress)
        except (*_BROKEN, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError) as error:
            raise VoiceError(f"{archive} is no usable zip archive: {error}.", "Fetch it again.") from error
        inside = [path for path in folder.iterdir() if path.is_dir()]
        is_wrapped = len(inside) == 1 and not (folder / "final.mdl").exists() and inside[0].name != "am"
        root = inside[0] if is_wrapped else folder
        check_model(root)
        target = models / (root.name if is_wrapped else name)
        if not _NAME.fullmatch(target.name):
            raise VoiceError(f'"{target.name}" is no name for a model.', "Use letters, digits, dots and dashes.")
        if target.exists():
            raise VoiceError(f"A model named {target.name} is already installed.", f"Remove {target} first.")
        root.chmod(0o755)
        _sync(root)
        root.rename(target)
        if not is_wrapped:
            folder.mkdir()  # the temporary directory itself was moved; its clean-up expects one
        return target


def _extract(zipped: zipfile.ZipFile, folder: Path, progress: Progress) -> None:
    entries = zipped.infolist()
    total, done = sum(entry.file_size for entry in entries), 0
    if len(entries) > MOST_FILES or total > LARGEST_MODEL_BYTES:
        raise VoiceError("The archive is too large for a speech model.", "Use a small model.")
    if shutil.disk_usage(folder).free < total:
        raise StorageError(f"The model needs {total >> 20} MiB of disk.", "Make room for it.")
    for entry in entries:
        parts = Path(entry.filename).parts
        mode = entry.external_attr >> 16
        if (
            not parts
            or entry.filename.startswith("/")
            or ".." in parts
            or "\\" in entry.filename
            or stat.S_ISLNK(mode)
        ):
            raise VoiceError(f'The archive has a dangerous entry: "{entry.filename}".', "Do not use it.")
        path = folder.joinpath(*parts)
        if entry.is_dir():
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        # Exclusively: an archive that names a file twice is trying something.
        with zipped.open(entry) as packed, path.open("xb") as file:
            while block := packed.read(_BLOCK_BYTES):
                file.write(block)
                done += len(block)
                if done > total:
                    raise VoiceError("The archive is larger than it says.", "Do not use it.")
                progress("Unpacking", done, total)


def _sync(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        flush(path)


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)


def _name_of(url: str) -> str:
    return Path(url.partition("?")[0]).name.removesuffix(".zip")
