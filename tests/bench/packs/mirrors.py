"""How fast a pack arrives from an HTTPS mirror, beside bare aiohttp that takes the same file from the same server.

    python -m tests.bench.packs.mirrors [--mib 40] [--rounds 5] [--window 16]

The mirror is aiohttp's server of plain files over TLS, in a process of its own. Throughput: the shelf (Range
requests, hash checks, disk, whole-asset hash, fsync) from an empty directory, from the manifest's appearance on the
shelf to the complete catalog; beside one GET of the whole file that keeps nothing, one request after another for the
same parts, and the same with no more than what no device can leave out (each chunk hashed, written, hashed again as
part of the whole, one fsync), in alternation. Each with the processor time that it took, which other work on the
machine disturbs less. Once over loopback, and once over a line as long and as wide as to a CDN: answers begin 40 ms
after they were asked for, and 12.5 MB/s come through.
"""

import argparse
import asyncio
import contextlib
import hashlib
import os
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from edge_agent.fleet.publishing.mirror_folder import choose
from edge_agent.fleet.publishing.mirroring import write_folder
from edge_agent.packs.fetching.ranges import parts_of
from edge_agent.packs.formats.manifest import PackedAsset
from edge_agent.packs.source import Piece
from tests.bench.packs.sync import TimedDevice, Took, clocks
from tests.fleets import MemorySource, SmallFleet, png, random_bytes, silent
from tests.mirrors import Authority, Mirror


class Line:
    """A relay to a port of this machine: what comes back takes `delay_s` longer, and all share `bytes_per_s`."""

    def __init__(self, port: int, bytes_per_s: float, delay_s: float) -> None:
        self._port, self._bytes_per_s, self._delay_s, self._free_at = port, bytes_per_s, delay_s, 0.0

    async def listen(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(128)
        with contextlib.suppress(OSError):
            await asyncio.gather(
                self._ask(reader, far_writer), self._take(far_reader, on_the_way), self._give(on_the_way, writer)
            )

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while block := await reader.read(16384):
            writer.write(block)
        writer.close()

    async def _take(self, reader: asyncio.StreamReader, on_the_way: "asyncio.Queue[tuple[float, bytes]]") -> None:
        while block := await reader.read(16384):
            now = time.perf_counter()
            self._free_at = max(self._free_at, now) + len(block) / self._bytes_per_s
            await on_the_way.put((self._free_at + self._delay_s, block))
        await on_the_way.put((0.0, b""))

    async def _give(self, on_the_way: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter) -> None:
        while True:
            due, block = await on_the_way.get()
            if not block:
                break
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            writer.write(block)
            await writer.drain()
        writer.close()


async def serve(folder: Path, authority: Path) -> None:
    async with Mirror(folder, Authority(authority)) as mirror:
        print(mirror.port, await Line(mirror.port, 12.5e6, 0.04).listen(), flush=True)
        await asyncio.to_thread(sys.stdin.readline)


@contextmanager
def mirror_process(folder: Path, authority: Path) -> Iterator[list[str]]:
    """Yield the addresses at which a mirror is reached directly, and over a line."""
    command = [sys.executable, "-m", __spec__.name, "serve", str(folder), str(authority)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield [f"https://127.0.0.1:{port}" for port in process.stdout.readline().split()]
        process.stdin.write("\n")
        process.stdin.flush()


async def whole(url: str, asset: PackedAsset, context: ssl.SSLContext) -> Took:
    """One GET of everything; nothing is kept."""
    async with aiohttp.ClientSession() as session:
        began = clocks()
        async with session.get(f"{url}/asset/{asset.sha256}", ssl=context) as response:
            async for _ in response.content.iter_any():
                pass
        return clocks().since(began)


async def in_parts(url: str, asset: PackedAsset, context: ssl.SSLContext, window: int, kept: Path | None) -> Took:
    """One Range request after another, as long as the shelf's; with `kept`, hashed, written and flushed once."""
    pieces = [Piece(chunk.sha256, chunk.length, asset.sha256, offset) for offset, chunk in asset.placed_chunks()]
    file = None if kept is None else kept.open("wb", buffering=0)
    digest = hashlib.sha256()
    async with aiohttp.ClientSession() as session:
        began = clocks()
        for part in parts_of(pieces, max(1, window // 2 - 1)):
            headers = {"Range": part.header}
            async with session.get(f"{url}/asset/{asset.sha256}", ssl=context, headers=headers) as response:
                for piece in part.pieces:
                    content = await response.content.readexactly(piece.length)
                    if file is not None:
                        assert hashlib.sha256(content).hexdigest() == piece.sha256
                        file.write(content)
                        digest.update(content)
        if file is not None:
            assert digest.hexdigest() == asset.sha256
            os.fsync(file.fileno())
            file.close()
        return clocks().since(began)


async def shelf(url: str, ca_file: Path, fleet: SmallFleet, directory: Path, window: int) -> Took:
    shutil.rmtree(directory, ignore_errors=True)
    source = MemorySource()
    source.retained.update({topic: content for topic, content in fleet.messages().items() if "chunk" not in topic})
    device = TimedDevice(
        directory,
        fleet.root_json,
        source,
        window=window,
        mirrors=[url],
        mirror_ca_file=ca_file,
        max_pack_bytes=2**30,
        budget_bytes=2**30,
    )
    async with device:
        await device.until(lambda: bool(device.shelf.catalog.packs))
        began = clocks()._replace(wall_s=device.changed_at)
        await device.until(lambda: bool(device.playable()))
        return clocks()._replace(wall_s=device.changed_at).since(began)


async def throughput(
    name: str, url: str, ca_file: Path, fleet: SmallFleet, work: Path, given: argparse.Namespace
) -> None:
    (pack,) = fleet.packs()
    asset, context = pack.assets["poster.png"], ssl.create_default_context(cafile=str(ca_file))
    rounds: dict[str, list[Took]] = {"bare, whole": [], "bare, in parts": [], "hashing and keeping": [], "shelf": []}
    for _ in range(given.rounds):
        rounds["bare, whole"].append(await whole(url, asset, context))
        rounds["bare, in parts"].append(await in_parts(url, asset, context, given.window, None))
        rounds["hashing and keeping"].append(await in_parts(url, asset, context, given.window, work / "kept"))
        rounds["shelf"].append(await shelf(url, ca_file, fleet, work / "shelf", given.window))
    print(f"{name}: {given.mib} MiB in {len(asset.chunks)} chunks, {given.rounds} rounds")
    for kind, took in rounds.items():
        ratios = [its.wall_s / mine.wall_s for its, mine in zip(took, rounds["shelf"], strict=True)]
        costs = [mine.processor_s / its.processor_s for its, mine in zip(took, rounds["shelf"], strict=True)]
        print(
            f"  {kind:20} {given.mib / statistics.median(one.wall_s for one in took):6.1f} MiB/s,",
            f"processor {statistics.median(one.processor_s for one in took):.2f} s; the shelf is",
            f"{statistics.median(ratios):.2f} times as fast, for {statistics.median(costs):.2f} times the processor",
            flush=True,
        )


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(Path(sys.argv[2]), Path(sys.argv[3])))
        return
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--mib", type=int, default=40)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--window", type=int, default=16)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        fleet = SmallFleet(work / "operator")
        fleet.sign(poster=png(filling=random_bytes(given.mib << 20)))
        choose(fleet.fleet.directory, folder=work / "cdn")
        write_folder(fleet.fleet, silent)
        with mirror_process(work / "cdn", work / "authority") as addresses:
            ca_file = work / "authority" / "authority.pem"
            for where, url in zip(("loopback", "a line of 12.5 MB/s, 40 ms long"), addresses, strict=True):
                asyncio.run(throughput(f"aiohttp over TLS, {where}", url, ca_file, fleet, work, given))


if __name__ == "__main__":
    main()
