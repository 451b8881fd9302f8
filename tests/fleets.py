"""A whole fleet for tests: real keys, really signed, and a source that holds what a broker would."""

import asyncio
import hashlib
import json
import struct
import uuid
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, Self

from edge_agent.fleet.provision import create_fleet
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.signed_packs import Signed, sign_pack
from edge_agent.link.session import Link
from edge_agent.measure.report_key import Kem
from edge_agent.model.errors import LinkError, NotRetainedError, OversizeError
from edge_agent.model.events import CatalogChanged, ClockJudged, Event
from edge_agent.model.shelf_room import Playing
from edge_agent.packs.formats.manifest import Manifest, parse_manifest, parse_target_name
from edge_agent.packs.lookout import Rest
from edge_agent.packs.source import Source, metadata_topic
from edge_agent.packs.sync import PackShelf
from edge_agent.settings.rooms import LinkSettings, PacksSettings
from edge_agent.wiring.retained_repository import RetainedRepository
from tests.brokers import Reachable

TIMESTAMP = "repo/meta/timestamp"


def silent(_what: str, _done: int, _total: int) -> None:
    """Show no progress."""


def random_bytes(length: int, seed: str = "") -> bytes:
    """Return bytes that do not compress and are the same on every run."""
    blocks = (hashlib.sha256(f"{seed}{number}".encode()).digest() for number in range(length // 32 + 1))
    return b"".join(blocks)[:length]


def png(w: int = 320, h: int = 200, filling: bytes = b"") -> bytes:
    """Return a file with a PNG's header and `filling` for its pixels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", filling) + chunk(b"IEND", b"")


def wav(seconds: float = 1.0, rate: int = 16000) -> bytes:
    """Return silence, s16le mono."""
    sound = bytes(2 * round(seconds * rate))
    head = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    data = b"data" + struct.pack("<I", len(sound)) + sound
    return b"RIFF" + struct.pack("<I", 4 + len(head) + len(data)) + b"WAVE" + head + data


class MemorySource:
    """A `Source` that holds its retained messages itself; a test may change any of them."""

    def __init__(self) -> None:
        self.retained: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.connected = True
        self.held: set[str] = set()
        """Topics that are not answered before `let_go`."""
        self._free = asyncio.Event()
        self._callbacks: list[Callable[[bytes], None]] = []

    def let_go(self, *topics: str) -> None:
        """Answer these, or all that was held."""
        self.held -= set(topics) or set(self.held)
        free, self._free = self._free, asyncio.Event()
        free.set()

    async def fetch(self, topic: str, max_bytes: int) -> bytes:
        """As in Source."""
        async for _, answer in self.fetch_many([topic], 1, max_bytes):
            if isinstance(answer, LinkError):
                raise answer
            return answer
        raise NotRetainedError(topic)

    async def fetch_many(
        self, topics: Sequence[str], window: int, max_bytes: int
    ) -> AsyncGenerator[tuple[str, bytes | LinkError], None]:
        """As in Source."""
        assert window >= 1
        if not self.connected:
            raise LinkError("There is no connection to the broker.")
        for topic in sorted(dict.fromkeys(topics), key=lambda topic: topic in self.held):
            self.asked.append(topic)
            while topic in self.held:
                await self._free.wait()
            content = self.retained.get(topic)
            await asyncio.sleep(0)
            if content is None:
                yield topic, NotRetainedError(topic)
            elif len(content) > max_bytes:
                yield topic, OversizeError(topic, len(content), max_bytes)
            else:
                yield topic, content

    def on_timestamp(self, callback: Callable[[bytes], None]) -> None:
        """As in Source: who subscribes is given what is retained."""
        self._callbacks.append(callback)
        if self.connected and TIMESTAMP in self.retained:
            asyncio.get_running_loop().call_soon(callback, self.retained[TIMESTAMP])

    def push(self) -> None:
        """Deliver the retained timestamp to who listens, as a broker does."""
        for callback in self._callbacks:
            callback(self.retained[TIMESTAMP])


class SmallFleet:
    """An operator in `directory`, with the advertiser `acme`; `now` is when things are signed."""

    def __init__(self, directory: Path, now: datetime | None = None) -> None:
        self.directory = directory
        self.now = now or datetime.now(UTC)
        self.fleet: FleetRepository = create_fleet(directory / "fleet", self.now, Kem.CLASSIC)
        self.root_json = directory / "fleet" / "root.json"
        self.add_advertiser("acme")

    @classmethod
    def of_two(cls, directory: Path) -> Self:
        """Return one that has signed the packs `acme/spring` and `acme/summer`."""
        fleet = cls(directory)
        fleet.sign("spring")
        fleet.sign("summer")
        return fleet

    def add_advertiser(self, name: str) -> None:
        self.fleet.add_advertiser(name)
        self.fleet.commit(self.now)

    def sign(
        self, pack: str = "spring", poster: bytes = b"", *, advertiser: str = "acme", more: str = "", top: str = ""
    ) -> Signed:
        """Write and sign a pack that shows one poster; `top` and `more` go into its pack.toml."""
        folder = self.directory / "folders" / advertiser / pack
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "poster.png").write_bytes(poster or png(filling=random_bytes(200_000, pack)))
        (folder / "pack.toml").write_text(
            f'advertiser = "{advertiser}"\nname = "{pack}"\nadomain = ["{advertiser}.example"]\n{top}\n'
            f'[[creatives]]\ncrid = "{pack}-poster"\nformat = "idle_poster"\nasset = "poster.png"\ndur = 10\n'
            f'transcript = "Hello."\n{more}\n'
        )
        return sign_pack(self.fleet, folder, self.now, silent)

    def packs(self) -> Iterator[Manifest]:
        """Yield the manifest of each pack that is signed now."""
        for name in self.fleet.files:
            if parse_target_name(name) is not None:
                yield parse_manifest(self.fleet.document(name), name, 2**40)

    def messages(self) -> dict[str, bytes]:
        """Return everything that was ever signed, by topic: what a broker holds, and what it may have forgotten."""
        folder = self.directory / "fleet"
        found = {f"repo/chunk/{path.name}": path.read_bytes() for path in (folder / "chunks").glob("*")}
        found |= {f"repo/target/{path.name}": path.read_bytes() for path in (folder / "targets").glob("*")}
        return found | {metadata_topic(path.stem): path.read_bytes() for path in (folder / "metadata").glob("*")}

    def published(self) -> MemorySource:
        """Return a source that holds the newest repository."""
        source = MemorySource()
        self.put_into(source)
        return source

    def put_into(self, source: MemorySource) -> None:
        """Make `source` hold the newest repository, as after a publication, and tell who listens."""
        source.retained.update(self.messages())
        source.push()


class Device:
    """One device's packs room: `async with Device(...) as device: await device.until(...)`."""

    def __init__(
        self,
        directory: Path,
        root_json: Path,
        source: Source,
        *,
        now: Callable[[], datetime] | None = None,
        kind: str = "tv",
        playing: Callable[[], Playing] = frozenset,
        changed: Callable[[], None] = lambda: None,
        rest: Rest = asyncio.sleep,
        **settings: object,
    ) -> None:
        values: Mapping[str, object] = {"directory": directory, "root_json": root_json, "kind": kind} | settings
        self.settings = PacksSettings.model_validate(values)
        self.events: list[Event] = []
        self._news = asyncio.Event()
        self.shelf = PackShelf(
            self.settings,
            source,
            self._emit,
            now=now or (lambda: datetime.now(UTC)),
            draw=lambda: 0.5,
            playing=playing,
            changed=changed,
            rest=rest,
        )
        self._task: asyncio.Task[None] | None = None

    def _emit(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.shelf.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def until(self, wanted: Callable[[], bool]) -> None:
        """Return once `wanted()`, looking after each event and, for what has no event, every few milliseconds."""
        async with asyncio.timeout(60):
            while not wanted():
                assert self._task is not None
                if self._task.done():
                    self._task.result()
                self._news.clear()
                try:
                    async with asyncio.timeout(0.02):
                        await self._news.wait()
                except TimeoutError:
                    continue

    def playable(self) -> dict[str, int]:
        """Return the complete packs on the shelf and their versions."""
        return {pack.name: pack.version for pack in self.shelf.catalog.packs if pack.complete}

    def has_recorded(self, count: int) -> bool:
        """Whether shelf.json names so many packs, all of them complete: a restart without a network has them."""
        record = self.settings.directory / "shelf.json"
        packs = json.loads(record.read_bytes())["packs"] if record.exists() else {}
        return len(packs) == count and all(pack["complete"] for pack in packs.values())

    def is_settled(self) -> bool:
        """Whether no assets are still arriving: the newest version whose manifest is here plays, or says why not."""
        return all(pack.newest in {0, pack.version} or pack.reason for pack in self.shelf.status().packs)

    def catalogs(self) -> list[CatalogChanged]:
        return [event for event in self.events if isinstance(event, CatalogChanged)]

    def clocks(self) -> list[ClockJudged]:
        return [event for event in self.events if isinstance(event, ClockJudged)]


@asynccontextmanager
async def on_broker(
    directory: Path,
    fleet: SmallFleet,
    broker: Reachable,
    root: str,
    protocol: Literal["auto", "5.0", "3.1.1"] = "auto",
    credentials_file: Path | None = None,
    **settings: object,
) -> AsyncIterator[Device]:
    """Run a TV's packs room in `directory` on a broker; `settings` are PacksSettings'."""
    link = Link(
        LinkSettings(
            device_id=f"tv-{uuid.uuid4().hex}",
            host=broker.host,
            port=broker.port,
            root=root,
            protocol=protocol,
            credentials_file=credentials_file,
            reconnect_min=timedelta(milliseconds=50),
            reconnect_max=timedelta(milliseconds=200),
        )
    )
    device = Device(directory / "tv", fleet.root_json, RetainedRepository(link, root), **settings)  # type: ignore[arg-type]
    running = asyncio.create_task(link.run())
    try:
        async with device:
            yield device
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


LATER = timedelta(days=1)
