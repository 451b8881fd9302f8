"""A render room of a test's own: real hooks written by the test, a real renderer, and everything it emitted."""

import asyncio
import hashlib
import os
import sys
import textwrap
import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from edge_agent.model.campaign import Asset, Campaign
from edge_agent.model.catalog import Candidate, ShelvedPack
from edge_agent.model.events import Event, PlayProgressed
from edge_agent.model.formats import Format
from edge_agent.model.identity import DecisionId, PlayId
from edge_agent.model.moment import Moment, MomentKind, Slot
from edge_agent.model.play import Play, PlayEvent, PlayEventKind
from edge_agent.render.renderer import Renderer
from edge_agent.settings.profile import DeviceProfile
from edge_agent.settings.rooms import RenderSettings
from edge_agent.shipped import shipped
from edge_agent.troubles import Troubles

NOW = datetime(2026, 11, 21, 19, 0, tzinfo=UTC)
PATIENCE_S = 30.0
"""How long a test waits for something that must happen; only a broken room ever takes it."""

PREAMBLE = """
import json, os, signal, sys, time
request = json.loads(sys.stdin.readline())
def say(event, t_ms=0, **more): print(json.dumps({"event": event, "t_ms": t_ms, **more}), flush=True)
"""


def write_hook(folder: Path, name: str, body: str, *, preamble: str = PREAMBLE) -> str:
    """Write a hook in Python that knows `request` and `say`, and return its name."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(preamble + textwrap.dedent(body), encoding="utf-8")
    return name


def make_settings(tmp_path: Path, **hooks: str) -> RenderSettings:
    """Return settings for hooks under `tmp_path`; waits are short, since tests wait for them on purpose."""
    return RenderSettings.model_validate(
        {
            "hooks_directory": tmp_path / "hooks",
            "hooks": hooks,
            "runtime_directory": tmp_path / "runtime",
            "boot_directory": tmp_path / "boot",
            "start_timeout": 5,
            "close_timeout": 0.8,
            "restart_min": 0.01,
            "restart_max": 0.05,
        }
    )


def profile_settings(profile: str, tmp_path: Path) -> RenderSettings:
    """Return settings for the hooks of a shipped profile, with folders under `tmp_path`."""
    text = (shipped("device_profiles") / f"{profile}.toml").read_text(encoding="utf-8")
    found = DeviceProfile.model_validate(tomllib.loads(text))
    folder = shipped("firmware_hooks") / found.hooks_directory
    return make_settings(tmp_path).model_copy(update={"hooks_directory": folder, "hooks": found.hooks})


def make_play(
    asset: Path | None,
    *,
    play_id: str = "play-1",
    fmt: Format = Format.BOOT_SCREEN,
    dur_s: float = 0.2,
    max_dur_s: float = 5.0,
    mime: str = "image/png",
    turns: tuple[Mapping[str, Any], ...] = (),
    turn: str = "",
    more_paths: Mapping[str, Path] | None = None,
) -> Play:
    """Return a play of one creative whose asset is `asset`."""
    names = {} if asset is None else {asset.name: asset}
    paths = {**names, **(more_paths or {})}
    creative: dict[str, Any] = {"crid": "cr-1", "format": fmt, "dur": dur_s, "transcript": "Bread from around here."}
    if turns:
        creative["turns"] = turns
    elif asset is not None:
        creative["asset"] = asset.name
    campaign = Campaign.model_validate(
        {
            "id": "spring",
            "advertiser": "acme",
            "name": "Acme spring",
            "adomain": ["acme.example"],
            "line_items": [
                {
                    "id": "li-1",
                    "crids": ["cr-1"],
                    "flight": {"start": NOW, "end": NOW + timedelta(days=1)},
                    "targeting": {"moments": ["power_on"]},
                }
            ],
            "creatives": [creative],
        }
    )
    assets = {name: _describe(path, fmt, mime) for name, path in paths.items()}
    pack = ShelvedPack("acme/spring", 1, campaign, assets, paths, complete=True)
    candidate = Candidate(pack, campaign.line_items[0], campaign.creatives[0])
    w, h = (0, 0) if fmt.is_spoken else (1920, 1080)
    slot = Slot("slot-1", fmt, Moment(MomentKind.POWER_ON, NOW), NOW, timedelta(seconds=max_dur_s), (mime,), w, h)
    return Play(PlayId(play_id), DecisionId("decision-1"), slot, candidate, NOW, paths, turn)


def _describe(path: Path, fmt: Format, mime: str) -> Asset:
    content = path.read_bytes() if path.is_file() else b"-"
    w, h = (0, 0) if fmt.is_spoken else (1920, 1080)
    return Asset(sha256=hashlib.sha256(content).hexdigest(), length=len(content) or 1, mime=mime, w=w, h=h)


class Room:
    """A renderer and what it emitted; `told` is set when what is wrong with it changed."""

    def __init__(self, settings: RenderSettings) -> None:
        self.settings = settings
        self.emitted: asyncio.Queue[Event] = asyncio.Queue()
        self.told = asyncio.Event()
        self.troubles = Troubles(changed=self.told.set)
        self.renderer = Renderer(settings, self.emitted.put_nowait, lambda: NOW, self.troubles)

    async def next_event(self) -> Event:
        """Return the next event, whatever it is."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.emitted.get()

    async def until(self, kind: PlayEventKind) -> list[PlayEvent]:
        """Return the play events up to the first of that kind."""
        found: list[PlayEvent] = []
        while not found or found[-1].kind is not kind:
            event = await self.next_event()
            assert isinstance(event, PlayProgressed), event
            found.append(event.event)
            assert found[-1].kind is kind or not found[-1].kind.is_final, found
        return found

    async def play_out(self, play: Play) -> list[PlayEvent]:
        """Start the play and return all its events, having made sure that nothing follows the last."""
        self.renderer.start(play)
        return await self.rest()

    async def rest(self) -> list[PlayEvent]:
        """Return the events still to come until every play is over."""
        async with asyncio.timeout(PATIENCE_S):
            await self.renderer.settled()
        found = []
        while not self.emitted.empty():
            event = self.emitted.get_nowait()
            assert isinstance(event, PlayProgressed), event
            found.append(event.event)
        return found


@asynccontextmanager
async def running(settings: RenderSettings) -> AsyncIterator[Room]:
    """Run the room's `run()` meanwhile, and cancel it at the end as the agent does."""
    room = Room(settings)
    task = asyncio.create_task(room.renderer.run())
    try:
        yield room
    finally:
        task.cancel()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait({task})
        if not task.cancelled():
            task.result()


async def death_of(pid: int) -> None:
    """Wait until that process, which need not be a child of ours, has ended (pidfd_open(2))."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, dead = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, dead.set)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await dead.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def kinds(events: list[PlayEvent]) -> list[str]:
    """Return the events' names, in order."""
    return [event.kind.value for event in events]


PYTHON = sys.executable
