"""What a hostile mirror can do: one test for each attack, against a real HTTPS server of aiohttp's.

After each the pack is complete from elsewhere, nothing that was not signed was written, the mirror is left alone, and
one clear line was logged.
"""

import asyncio
import gzip
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from multidict import CIMultiDict

from edge_agent.fleet.publishing.mirror_folder import choose
from edge_agent.fleet.publishing.mirroring import write_folder
from edge_agent.packs.fetching.mirror_client import MirrorClient
from edge_agent.packs.source import Piece
from tests.fleets import Device, MemorySource, SmallFleet, png, random_bytes, silent
from tests.mirrors import Answer, Asked, Authority, Mirror, honest

PACK = {"acme/spring": 1}
LENGTH = 700_000


class Scene:
    """A pack that a broker holds and a mirror should: `async with scene(mirror's answer)`."""

    def __init__(self, tmp_path: Path, mirror: Mirror, caplog: pytest.LogCaptureFixture) -> None:
        self.fleet = SmallFleet(tmp_path / "operator")
        self.fleet.sign(poster=png(filling=random_bytes(LENGTH)))
        self.source, self.mirror, self._caplog = MemorySource(), mirror, caplog
        choose(self.fleet.fleet.directory, folder=mirror.folder)
        write_folder(self.fleet.fleet, silent)
        self.fleet.put_into(self.source)
        self._tv = tmp_path / "tv"

    @asynccontextmanager
    async def device(self, *urls: str, **settings: object) -> AsyncIterator[Device]:
        chosen = {"mirrors": urls or (self.mirror.url,), "mirror_ca_file": self.mirror.authority.ca_file}
        async with Device(self._tv, self.fleet.root_json, self.source, **(chosen | settings)) as device:  # type: ignore[arg-type]
            yield device

    async def comes_from_elsewhere(self, deed: str, **settings: object) -> None:
        """Let a device fetch the pack; the mirror must have been given up for `deed`, after one piece of work."""
        async with self.device(**settings) as device:
            await device.until(lambda: device.playable() == PACK)
            (at_mirror, at_broker) = device.shelf.sources()
            assert deed in str(at_mirror.problem)
            assert at_broker.bytes > 0
            content = device.shelf.catalog.packs[0].paths["poster.png"].read_bytes()
            assert content == (self.fleet.directory / "folders/acme/spring/poster.png").read_bytes()
        assert len(self.warnings()) == 1, self.warnings()
        assert deed in self.warnings()[0]
        assert self.mirror.url in self.warnings()[0]

    def warnings(self) -> list[str]:
        ours = [record for record in self._caplog.records if record.name.startswith("edge_agent")]
        return [record.getMessage() for record in ours if record.levelno >= logging.WARNING]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
async def mirror(tmp_path: Path, authority: Authority) -> AsyncIterator[Mirror]:
    async with Mirror(tmp_path / "cdn", authority) as running:
        yield running


@pytest.fixture
def scene(tmp_path: Path, mirror: Mirror, caplog: pytest.LogCaptureFixture) -> Scene:
    return Scene(tmp_path, mirror, caplog)


def part(request: web.Request, path: Path) -> tuple[bytes, dict[str, str]]:
    """Return what an honest answer holds, and its headers."""
    content = path.read_bytes()
    start, stop = request.http_range.start or 0, request.http_range.stop or len(content)
    return content[start:stop], {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}


def whole_file(path: Path) -> web.Response:
    return web.Response(body=path.read_bytes())


def answers(status: int, **headers: str) -> Answer:
    async def answer(_request: web.Request, _path: Path) -> web.StreamResponse:
        return web.Response(status=status, headers={name.replace("_", "-"): text for name, text in headers.items()})

    return answer


async def pour(request: web.Request, response: web.StreamResponse, cut_off: asyncio.Event) -> web.StreamResponse:
    """Send without a length and without an end; set `cut_off` once the device has hung up."""
    response.enable_chunked_encoding()
    await response.prepare(request)
    try:
        while True:
            await response.write(bytes(65536))
    except ConnectionError:
        cut_off.set()
        raise


async def test_wrong_bytes(scene: Scene) -> None:
    async def lie(request: web.Request, path: Path) -> web.StreamResponse:
        content, headers = part(request, path)
        return web.Response(status=206, body=content[:-1] + bytes([content[-1] ^ 1]), headers=headers)

    scene.mirror.answer = lie
    await scene.comes_from_elsewhere("sent what is not what was signed")


async def test_chunks_in_another_order(scene: Scene) -> None:
    async def swap(request: web.Request, path: Path) -> web.StreamResponse:
        content, headers = part(request, path)
        return web.Response(status=206, body=content[1:] + content[:1], headers=headers)

    scene.mirror.answer = swap
    await scene.comes_from_elsewhere("sent what is not what was signed")


async def test_another_asset(scene: Scene) -> None:
    async def other(request: web.Request, path: Path) -> web.StreamResponse:
        content, headers = part(request, path)
        return web.Response(status=206, body=random_bytes(len(content), "other"), headers=headers)

    scene.mirror.answer = other
    await scene.comes_from_elsewhere("sent what is not what was signed")


async def test_a_shorter_answer(scene: Scene) -> None:
    async def cut(request: web.Request, path: Path) -> web.StreamResponse:
        content, headers = part(request, path)
        return web.Response(status=206, body=content[:-1], headers=headers)

    scene.mirror.answer = cut
    await scene.comes_from_elsewhere("says of its answer another length")


async def test_a_longer_answer(scene: Scene) -> None:
    async def more(request: web.Request, path: Path) -> web.StreamResponse:
        content, headers = part(request, path)
        return web.Response(status=206, body=content + b"more", headers=headers)

    scene.mirror.answer = more
    await scene.comes_from_elsewhere("says of its answer another length")


async def test_an_endless_body(scene: Scene) -> None:
    """Without a length nothing of it is taken; whoever goes on sending is cut off."""
    cut_off = asyncio.Event()

    async def flood(request: web.Request, path: Path) -> web.StreamResponse:
        _, headers = part(request, path)
        response = web.StreamResponse(status=206, headers=headers)
        return await pour(request, response, cut_off)

    scene.mirror.answer = flood
    await scene.comes_from_elsewhere("says of its answer another length")
    async with asyncio.timeout(30):
        await cut_off.wait()


async def test_a_body_that_goes_on_after_its_end(scene: Scene) -> None:
    """What follows an answer is read by nobody: the connection is not used again, and nothing of it is kept."""
    cut_off = asyncio.Event()

    async def flood(request: web.Request, path: Path) -> web.StreamResponse:
        content, headers = part(request, path)
        response = web.StreamResponse(status=206, headers=headers | {"Content-Length": str(len(content))})
        await response.prepare(request)
        await response.write(content)
        transport = request.transport
        for _ in range(4096):
            if transport is None or transport.is_closing():
                cut_off.set()
                break
            transport.write(bytes(65536))
            await asyncio.sleep(0)
        return response

    scene.mirror.answer = flood
    async with scene.device() as device:
        await device.until(lambda: device.playable() == PACK)
        async with asyncio.timeout(30):
            await cut_off.wait()


async def test_slow_retrieval_a_byte_now_and_then(scene: Scene) -> None:
    async def drip(request: web.Request, path: Path) -> web.StreamResponse:
        content, headers = part(request, path)
        response = web.StreamResponse(status=206, headers=headers | {"Content-Length": str(len(content))})
        await response.prepare(request)
        for byte in content:
            await response.write(bytes([byte]))
            await asyncio.sleep(0.05)
        return response

    scene.mirror.answer = drip
    await scene.comes_from_elsewhere("is too slow, or says nothing", chunk_timeout=1)


async def test_slow_retrieval_no_answer_at_all(scene: Scene) -> None:
    async def silence(_request: web.Request, _path: Path) -> web.StreamResponse:
        await scene.mirror.silence()
        return web.Response()

    scene.mirror.answer = silence
    await scene.comes_from_elsewhere("is too slow, or says nothing", chunk_timeout=1)


async def test_slow_retrieval_endless_headers(scene: Scene) -> None:
    async def headers(request: web.Request, _path: Path) -> web.StreamResponse:
        transport = request.transport
        assert transport is not None
        transport.write(b"HTTP/1.1 206 Partial Content\r\n")
        while not transport.is_closing():
            transport.write(b"X-More: " + b"a" * 4000 + b"\r\n")
            await asyncio.sleep(0.01)
        return web.Response()

    scene.mirror.answer = headers
    await scene.comes_from_elsewhere("does not speak HTTP as it should", chunk_timeout=4)


async def test_a_connection_that_breaks_off(scene: Scene) -> None:
    async def half(request: web.Request, path: Path) -> web.StreamResponse:
        content, headers = part(request, path)
        response = web.StreamResponse(status=206, headers=headers | {"Content-Length": str(len(content))})
        await response.prepare(request)
        await response.write(content[: len(content) // 2])
        assert request.transport is not None
        request.transport.abort()
        return response

    scene.mirror.answer = half
    await scene.comes_from_elsewhere("breaks off")


@pytest.mark.parametrize(
    ("status", "target"),
    [
        (301, "another host"),
        (302, "a private address"),
        (303, "itself"),
        (307, "plain http"),
        (308, "another host"),
    ],
    ids=["another host", "a private address", "itself", "plain http", "for good"],
)
async def test_a_redirection_is_not_followed(scene: Scene, authority: Authority, status: int, target: str) -> None:
    reached: list[str] = []

    async def note(request: web.Request, path: Path) -> web.StreamResponse:
        reached.append(request.path)
        return await honest(request, path)

    async with Mirror(scene.mirror.folder, authority, answer=note) as other:
        places = {
            "another host": other.url,
            "a private address": f"https://192.168.1.1:{other.port}",
            "itself": f"{scene.mirror.url}/elsewhere",
            "plain http": f"http://127.0.0.1:{other.port}",
        }

        async def away(request: web.Request, _path: Path) -> web.StreamResponse:
            return web.Response(status=status, headers={"Location": places[target] + request.path})

        scene.mirror.answer = away
        await scene.comes_from_elsewhere(f"sends devices elsewhere, which they do not follow (status {status})")
    assert reached == []
    assert not any("elsewhere" in asked.path for asked in scene.mirror.asked)


async def test_content_encoding(scene: Scene) -> None:
    """A few bytes that unpack to a million: they are not unpacked."""

    async def bomb(request: web.Request, path: Path) -> web.StreamResponse:
        content, headers = part(request, path)
        packed = gzip.compress(bytes(len(content)))
        return web.Response(status=206, body=packed, headers=headers | {"Content-Encoding": "gzip"})

    scene.mirror.answer = bomb
    await scene.comes_from_elsewhere("compresses what it was asked for as it is")


async def test_the_whole_file_instead_of_a_part(scene: Scene) -> None:
    async def whole(_request: web.Request, path: Path) -> web.StreamResponse:
        return whole_file(path)

    scene.mirror.answer = whole
    await scene.comes_from_elsewhere("answers with the whole file, not the part")


@pytest.mark.parametrize(
    "told",
    ["bytes 0-9/10", "bytes */700000", "bytes 5-4/3", "items 0-1/2", "", "bytes 0-1/2, bytes 3-4/5"],
    ids=["another part", "none", "backwards", "items", "nothing", "two"],
)
async def test_wrong_content_range(scene: Scene, told: str) -> None:
    async def lie(request: web.Request, path: Path) -> web.StreamResponse:
        content, _ = part(request, path)
        return web.Response(status=206, body=content, headers={"Content-Range": told} if told else {})

    scene.mirror.answer = lie
    await scene.comes_from_elsewhere("answers with another part than it was asked for")


async def test_many_parts_at_once(scene: Scene) -> None:
    async def parts(request: web.Request, path: Path) -> web.StreamResponse:
        content, headers = part(request, path)
        head = f"--x\r\nContent-Range: {headers['Content-Range']}\r\n\r\n".encode()
        body = head + content + b"\r\n--x--\r\n"
        return web.Response(status=206, body=body, headers={"Content-Type": "multipart/byteranges; boundary=x"})

    scene.mirror.answer = parts
    await scene.comes_from_elsewhere("answers with another part than it was asked for")


@pytest.mark.parametrize("status", [400, 401, 403, 418, 429, 500, 503], ids=str)
async def test_a_refusal(scene: Scene, status: int) -> None:
    scene.mirror.answer = answers(status, Retry_After="99999999999")
    await scene.comes_from_elsewhere(f"answers with status {status}")
    assert len(scene.mirror.asked) == 1, "it is asked for no more"


async def test_less_of_a_file_than_was_signed(scene: Scene) -> None:
    scene.mirror.answer = answers(416, Content_Range="bytes */10")
    await scene.comes_from_elsewhere("has less of a file than was signed (status 416)")


async def test_a_file_that_says_it_is_not_there_and_goes_on_for_ever(scene: Scene) -> None:
    cut_off = asyncio.Event()

    async def flood(request: web.Request, _path: Path) -> web.StreamResponse:
        response = web.StreamResponse(status=404)
        return await pour(request, response, cut_off)

    scene.mirror.answer = flood
    async with scene.device() as device:
        await device.until(lambda: device.playable() == PACK)
        assert device.shelf.sources()[0].lacks == 1
        async with asyncio.timeout(30):
            await cut_off.wait()
    assert scene.warnings() == []


async def test_a_certificate_of_another_authority(scene: Scene, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger", "stranger")
    async with Mirror(scene.mirror.folder, scene.mirror.authority, context=stranger.context()) as false:
        scene.mirror = false
        await scene.comes_from_elsewhere("shows a certificate that is not trusted here")
        assert false.asked == []


async def test_a_certificate_for_another_name(scene: Scene, authority: Authority) -> None:
    async with Mirror(scene.mirror.folder, authority, context=authority.context("cdn.example")) as false:
        scene.mirror = false
        await scene.comes_from_elsewhere("shows a certificate that is not trusted here")
        assert false.asked == []


async def test_a_mirror_that_alternates_between_truth_and_lies_is_told_of_seldom(scene: Scene) -> None:
    """One lie is enough: the good answers before it are kept, nothing more is asked until it had its pause."""

    async def second_is_a_lie(request: web.Request, path: Path) -> web.StreamResponse:
        content, headers = part(request, path)
        lie = bytes(len(content)) if len(scene.mirror.asked) > 1 else content
        return web.Response(status=206, body=lie, headers=headers)

    scene.mirror.answer = second_is_a_lie
    await scene.comes_from_elsewhere("sent what is not what was signed", window=6)
    assert len(scene.mirror.asked) <= 4


async def test_telling_devices_apart(scene: Scene) -> None:
    """Two devices, and one device twice, say exactly the same; what a mirror gives them to remember is forgotten."""

    async def mark(request: web.Request, path: Path) -> web.StreamResponse:
        content, headers = part(request, path)
        marks = CIMultiDict(headers)
        marks.add("Set-Cookie", f"device={len(scene.mirror.asked)}; Max-Age=99999999")
        marks.add("ETag", f'"{len(scene.mirror.asked)}"')
        marks.add("Strict-Transport-Security", "max-age=99999999; includeSubDomains")
        marks.add("Alt-Svc", 'h3=":443"')
        return web.Response(status=206, body=content, headers=marks)

    scene.mirror.answer = mark
    async with scene.device(window=6) as device:
        await device.until(lambda: device.playable() == PACK)
    asked, names = list(scene.mirror.asked), {"Host", "Range", "User-Agent", "Accept", "Accept-Encoding"}
    assert len(asked) > 1
    for one in asked:
        assert {name for name, _ in one.headers} == names
        assert dict(one.headers)["User-Agent"] == "edge-agent", "no version either"
    assert len({_without_range(one) for one in asked}) == 1


def _without_range(asked: Asked) -> frozenset[tuple[str, str]]:
    return frozenset((name, value) for name, value in asked.headers if name != "Range")


async def test_a_session_of_tls_is_never_resumed(scene: Scene, authority: Authority) -> None:
    """A ticket would tell a mirror that it is the same device again, at another address too."""
    resumed: list[bool] = []

    async def look(request: web.Request, path: Path) -> web.StreamResponse:
        assert request.transport is not None
        tls = request.transport.get_extra_info("ssl_object")
        assert isinstance(tls, ssl.SSLObject)
        resumed.append(tls.session_reused is True)
        assert request.transport.get_extra_info("peercert") is None, "nor does a device show a certificate"
        return await honest(request, path)

    async with Mirror(scene.mirror.folder, authority, answer=look) as watching:
        for number, pack in enumerate(("summer", "autumn", "winter"), 2):
            scene.fleet.sign(pack)
            write_folder(scene.fleet.fleet, silent)
            scene.fleet.put_into(scene.source)
            async with scene.device(watching.url) as device:
                await device.until(lambda device=device, number=number: len(device.playable()) == number)  # type: ignore[misc]
    assert len(resumed) > 3
    assert not any(resumed)


async def test_a_mirror_that_wastes_the_line_uses_up_the_daily_budget(scene: Scene) -> None:
    async def waste(request: web.Request, path: Path) -> web.StreamResponse:
        content, headers = part(request, path)
        return web.Response(status=206, body=bytes(len(content)), headers=headers)

    scene.mirror.answer = waste
    async with scene.device(daily_bytes=2**20) as device:
        await device.until(lambda: device.playable() == PACK)
        spent_bytes = device.shelf._supply.meter.spent_bytes
    assert spent_bytes > LENGTH + 16 * 1024, "what was of no use counts"


async def test_no_proxy_is_asked_whatever_the_environment_names(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with scene.device() as device:
        await device.until(lambda: device.playable() == PACK)
        (at_mirror, at_broker) = device.shelf.sources()
        assert (at_mirror.problem, at_broker.bytes) == (None, 0)


async def test_more_than_a_piece_is_never_held(scene: Scene, authority: Authority) -> None:
    """Whoever does not take pieces is not sent more than was asked for at a time."""
    (pack,) = scene.fleet.packs()
    asset = pack.assets["poster.png"]
    pieces = [Piece(chunk.sha256, chunk.length, asset.sha256, offset) for offset, chunk in asset.placed_chunks()]
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    wasted: list[int] = []
    async with MirrorClient(scene.mirror.url, context, timedelta(seconds=30), wasted.append) as client:
        stream = client.fetch(pieces, 4)
        first, content = await anext(stream)
        assert (first, len(content)) == (pieces[0], pieces[0].length)
        await stream.aclose()
    asked = sum(end - start for start, end in (asked.span() for asked in scene.mirror.asked))
    assert asked <= 4 * 128 * 1024
    assert sum(wasted) <= asked
