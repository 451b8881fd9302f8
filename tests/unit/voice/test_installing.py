"""Installing over real HTTP, from a real zip of the real model."""

import asyncio
import hashlib
import io
import stat
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from edge_agent.model.errors import VoiceError
from edge_agent.voice.installing import OFFICIAL, fetch, install
from edge_agent.voice.models import Model, check_model, installed_models


def digest(archive: bytes) -> str:
    return hashlib.sha256(archive).hexdigest()


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def zipped(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def archive(model: Model) -> bytes:
    """The model in a folder, as the official archives have it."""
    files = [path for path in model.directory.rglob("*") if path.is_file()]
    return zipped({f"a-model/{path.relative_to(model.directory)}": path.read_bytes() for path in files})


class Server:
    """Serves one archive, breaks off after `breaks_after` bytes as often as told, and notes which bytes it sent."""

    def __init__(self, archive: bytes) -> None:
        self.archive = archive
        self.breaks_after: list[int] = []
        self.takes_ranges = True
        self.sent: list[tuple[int, int]] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        start = 0
        if self.takes_ranges and "Range" in request.headers:
            start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        if start and start >= len(self.archive):
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(self.archive)}"})
        response = web.StreamResponse(status=206 if start else 200)
        if start:
            response.headers["Content-Range"] = f"bytes {start}-{len(self.archive) - 1}/{len(self.archive)}"
        response.content_length = len(self.archive) - start
        await response.prepare(request)
        end = len(self.archive)
        if self.breaks_after:
            end = min(end, start + self.breaks_after.pop(0))
        await response.write(self.archive[start:end])
        self.sent.append((start, end))
        if end < len(self.archive):
            assert request.transport is not None
            await asyncio.sleep(0)
            request.transport.close()
        return response


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[bytes], "asyncio.Future[Server]"]]:
    runners: list[web.AppRunner] = []

    async def start(archive: bytes) -> Server:
        server = Server(archive)
        application = web.Application()
        application.router.add_get("/a-model.zip", server.answer)
        runner = web.AppRunner(application)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        server.url = f"http://{host}:{port}/a-model.zip"
        return server

    yield lambda archive: asyncio.ensure_future(start(archive))
    for runner in runners:
        await runner.cleanup()


Serve = Callable[[bytes], "asyncio.Future[Server]"]


async def test_a_model_is_downloaded_checked_unpacked_and_usable(
    serve: Serve, archive: bytes, model: Model, tmp_path: Path
) -> None:
    server = await serve(archive)
    steps: set[str] = set()
    directory = await install(server.url, digest(archive), tmp_path / "models", lambda step, *_: steps.add(step))
    assert directory == tmp_path / "models" / "a-model"
    assert check_model(directory).vocabulary() == model.vocabulary()
    check_model(directory).load()
    assert installed_models(tmp_path / "models") == (directory,)
    assert names_in(tmp_path / "models") == ["a-model"]
    assert steps == {"Downloading", "Checking", "Unpacking"}


async def test_a_download_that_breaks_off_goes_on_where_it_stopped(
    serve: Serve, archive: bytes, tmp_path: Path
) -> None:
    server = await serve(archive)
    server.breaks_after = [1_000_000, 700_000]
    await install(server.url, digest(archive), tmp_path)
    starts = [start for start, _ in server.sent]
    assert starts[0] == 0
    assert starts == sorted(starts)
    assert len(starts) == 3
    assert starts[1] > 0


async def test_an_interrupted_download_goes_on_in_the_next_run(serve: Serve, archive: bytes, tmp_path: Path) -> None:
    server = await serve(archive)
    (tmp_path / f".{digest(archive)}.part").write_bytes(archive[:1_234_567])
    await install(server.url, digest(archive), tmp_path)
    assert server.sent == [(1_234_567, len(archive))]


async def test_a_server_without_ranges_begins_again(serve: Serve, archive: bytes, tmp_path: Path) -> None:
    server = await serve(archive)
    server.takes_ranges = False
    (tmp_path / f".{digest(archive)}.part").write_bytes(archive[:1000])
    assert (await install(server.url, digest(archive), tmp_path)).is_dir()


async def test_a_download_that_was_already_whole_is_not_fetched_again(
    serve: Serve, archive: bytes, tmp_path: Path
) -> None:
    server = await serve(archive)
    (tmp_path / f".{digest(archive)}.part").write_bytes(archive)
    assert (await install(server.url, digest(archive), tmp_path)).is_dir()
    assert server.sent == []


async def test_a_missing_page_and_a_dead_server_are_said_in_one_sentence(serve: Serve, tmp_path: Path) -> None:
    server = await serve(b"")
    for url in (f"{server.url}.missing", "http://127.0.0.1:9/a-model.zip"):
        with pytest.raises(VoiceError, match="could not be downloaded") as caught:
            await fetch(url, tmp_path / "part", lambda *_: None)
        assert "again" in caught.value.next_step


async def test_another_sha_256_is_refused_and_leaves_nothing(serve: Serve, archive: bytes, tmp_path: Path) -> None:
    server = await serve(archive)
    with pytest.raises(VoiceError, match="SHA-256"):
        await install(server.url, "0" * 64, tmp_path)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("sha256", ["", "abc", "z" * 64])
async def test_what_is_no_sha_256_is_refused_before_anything_is_fetched(sha256: str, tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="no SHA-256"):
        await install("vosk-model-small-en-us-0.15", sha256, tmp_path / "models")
    assert not (tmp_path / "models").exists()


async def test_a_file_is_installed_and_stays_where_it_is(archive: bytes, tmp_path: Path) -> None:
    path = tmp_path / "downloaded.zip"
    path.write_bytes(archive)
    directory = await install(str(path), digest(archive).upper(), tmp_path / "models")
    assert directory.name == "a-model"
    assert path.read_bytes() == archive


async def test_an_archive_without_a_folder_of_its_own_is_named_after_its_file(model: Model, tmp_path: Path) -> None:
    files = [path for path in model.directory.rglob("*") if path.is_file()]
    flat = zipped({str(path.relative_to(model.directory)): path.read_bytes() for path in files})
    (tmp_path / "flat-model.zip").write_bytes(flat)
    directory = await install(str(tmp_path / "flat-model.zip"), digest(flat), tmp_path / "models")
    assert directory.name == "flat-model"
    assert names_in(tmp_path / "models") == ["flat-model"]


async def test_an_installed_model_is_not_replaced(archive: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(archive)
    await install(str(tmp_path / "a.zip"), digest(archive), tmp_path / "models")
    with pytest.raises(VoiceError, match="already installed"):
        await install(str(tmp_path / "a.zip"), digest(archive), tmp_path / "models")


def _damaged(method: int = zipfile.ZIP_STORED, name: bytes = "ä".encode()) -> bytes:
    """What was damaged before somebody took its SHA-256."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("ä", bytes(range(256)) * 20)
    packed = bytearray(buffer.getvalue().replace("ä".encode(), name.ljust(2, b"a")))
    packed[33:53] = b"\xff" * 20
    return bytes(packed)


def _link() -> bytes:
    entry = zipfile.ZipInfo("m/link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("archive", "complaint"),
    [
        pytest.param(zipped({"../escaped": b"x"}), "dangerous", id="above"),
        pytest.param(zipped({"m/../../escaped": b"x"}), "dangerous", id="above_from_within"),
        pytest.param(zipped({"/tmp/escaped": b"x"}), "dangerous", id="absolute"),
        pytest.param(zipped({"m\\..\\escaped": b"x"}), "dangerous", id="windows_separators"),
        pytest.param(_link(), "dangerous", id="link"),
        pytest.param(zipped({f"m/{number}": b"" for number in range(1001)}), "too large", id="too_many_files"),
        pytest.param(zipped({"m/readme": b"no model"}), "holds no speech model", id="no_model"),
        pytest.param(
            zipped({"m/am/final.mdl": b"", "m/conf/mfcc.conf": b"", "m/graph/words.txt": b""}),
            "takes no phrases",
            id="model_without_phrases",
        ),
        pytest.param(b"this is no zip archive", "no usable zip", id="no_zip"),
        pytest.param(zipped({"m/a": b"a" * 5000})[:-30], "no usable zip", id="cut_short"),
        pytest.param(_damaged(zipfile.ZIP_STORED), "no usable zip", id="damaged"),
        pytest.param(_damaged(zipfile.ZIP_DEFLATED), "no usable zip", id="damaged_where_deflated"),
        pytest.param(_damaged(zipfile.ZIP_LZMA), "no usable zip", id="damaged_where_lzma"),
        pytest.param(_damaged(name=b"\xff"), "no usable zip", id="a_name_that_is_no_text"),
    ],
)
async def test_what_is_no_honest_model_is_refused_and_leaves_nothing(
    archive: bytes, complaint: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.zip").write_bytes(archive)
    with pytest.raises(VoiceError, match=complaint):
        await install(str(tmp_path / "bad.zip"), digest(archive), tmp_path / "models")
    assert names_in(tmp_path / "models") == []
    assert names_in(tmp_path) == ["bad.zip", "models"]


def test_official_models_come_over_tls() -> None:
    assert all(url.startswith("https://") and url.endswith(f"{name}.zip") for name, url in OFFICIAL.items())
