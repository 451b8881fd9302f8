"""The home in which the demo's day goes by, and what a scene can do in it: let moments arise, speak, wait for proof.

Nothing here is acted: moments go over the devices' own bus to their hooks, words go through their microphones and
Vosk, and what does not end as it should raises DemoError.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from edge_agent.debug.said import SaidView
from edge_agent.standin.broker import EmbeddedBroker
from edge_agent.standin.home import HomeServer
from edge_agent.standin.household import DemoError, Device, Message
from edge_agent.standin.operator import Operator

ZONE: Final = "Europe/Berlin"
SPEECH: Final = Path(str(files("edge_agent.standin") / "speech"))

Words = dict[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the day's table: what a moment led to."""

    at: datetime
    device: str
    moment: str
    placed: bool
    campaign: str
    format: str
    why: str
    said: SaidView
    """The sentence that goes with it, for the page: why it was placed, or was not."""

    @property
    def what(self) -> str:
        """What was placed, and in which format."""
        return f"{self.campaign} ({self.format})" if self.placed else ""


@dataclass(slots=True)
class Day:
    """The home and what has happened in it so far. `say` tells the person at the terminal of each scene."""

    tv: Device
    speaker: Device
    fridge: Device
    broker: EmbeddedBroker
    operator: Operator
    home: HomeServer
    say: Callable[[datetime, str], None]
    date: date
    rows: list[Row] = field(default_factory=list)
    now: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.now = self._at(6, 50)

    @property
    def devices(self) -> tuple[Device, Device, Device]:
        """All three devices."""
        return (self.tv, self.speaker, self.fridge)

    def _at(self, hour: int, minute: int, *, days: int = 0) -> datetime:
        return datetime.combine(self.date + timedelta(days=days), time(hour, minute), ZoneInfo(ZONE))

    async def scene(self, hour: int, minute: int, title: Words, text: Words, *, days: int = 0) -> None:
        """Begin a scene: set every clock and tell the page and the person."""
        self.now = self._at(hour, minute, days=days)
        await asyncio.gather(*(device.set_clock(self.now) for device in self.devices))
        self.home.scene(self.now, title, text)
        self.say(self.now, title["en"])

    async def moment(self, device: Device, kind: str, topic: str = "") -> Message:
        """Let a moment arise on a device, through its bus and hook, and return the decision on it."""
        mark = device.mark
        await device.bus({"moment": {"kind": kind, "topic": topic}})
        return await self.decided(device, kind, mark)

    async def decided(self, device: Device, kind: str, mark: int) -> Message:
        """Wait for the decision on a moment of that kind and note it in the day's table."""
        message = await device.expect(
            f"a decision on {kind}",
            lambda m: m["type"] == "decision" and m["decision"]["moment"]["kind"] == kind,
            mark,
        )
        decision: Message = message["decision"]
        chosen = decision["chosen"]
        self.rows.append(
            Row(
                self.now,
                device.spec.name,
                " ".join(filter(None, (kind, decision["moment"]["topic"]))),
                chosen is not None,
                "" if chosen is None else chosen["campaign_name"],
                "" if chosen is None else chosen["format"],
                decision["detail"] if chosen is None else chosen["transcript"],
                decision["said"],
            )
        )
        return decision

    async def refused(self, device: Device, kind: str, rule: str, topic: str = "") -> None:
        """Let a moment arise that must not lead to a placement, for that reason."""
        decision = await self.moment(device, kind, topic)
        if decision["chosen"] is not None or decision["rule"] != rule:
            raise DemoError(f"{device.spec.name}: {kind} should have been refused by {rule}, not {decision['rule']}.")

    async def placed(self, device: Device, kind: str, topic: str = "") -> int:
        """Let a moment arise that must lead to a placement; return a mark from before it was rendered."""
        mark = device.mark
        decision = await self.moment(device, kind, topic)
        if decision["chosen"] is None:
            raise DemoError(f"{device.spec.name}: nothing was placed at {kind}: {decision['detail']}")
        await self.rendered(device, "impression", mark)
        return mark

    async def rendered(self, device: Device, event: str, mark: int) -> Message:
        """Wait until a hook has proved that event."""
        return await device.expect(
            f"the event {event}",
            lambda m: m["type"] == "play" and bool(m["play"]["events"]) and m["play"]["events"][-1]["kind"] == event,
            mark,
        )

    async def said(self, device: Device, recording: str, *phrases: str) -> int:
        """Speak a recording in front of a device and wait until it was heard as one of `phrases`.

        Returns a mark from before. ("yes please" is a "yes" too.)
        """
        mark = device.mark
        _, _ = await asyncio.gather(
            device.speak(SPEECH / f"{recording}.wav"),
            device.expect(
                f'hearing "{phrases[0]}"', lambda m: m["type"] == "heard" and m["heard"]["phrase"] in phrases, mark
            ),
        )
        return mark
