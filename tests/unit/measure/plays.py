"""Plays, decisions and catalogs for this room's tests, and a clock that a test sets."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge_agent.measure.journal import Journal
from edge_agent.model.campaign import Campaign, Creative, Flight, LineItem, Targeting, Turn
from edge_agent.model.catalog import Candidate, Catalog, ShelvedPack
from edge_agent.model.decision import Decision, EligibilityRule, NoFill, PermissionRule, Refusal, Rejection, Selected
from edge_agent.model.formats import Format
from edge_agent.model.identity import DecisionId, PlayId
from edge_agent.model.moment import Moment, MomentKind, Slot
from edge_agent.model.play import Play, PlayEvent, PlayEventKind
from tests.sentences import said

NOON = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
SHOWN = (PlayEventKind.LOADED, PlayEventKind.IMPRESSION)
DONE = (*SHOWN, PlayEventKind.FIRST_QUARTILE, PlayEventKind.MIDPOINT, PlayEventKind.COMPLETE)


def pack(campaign: str = "coffee", crids: Sequence[str] = ("morning", "evening")) -> ShelvedPack:
    turns = (Turn(id="hello", say="a.wav", transcript="hi"), Turn(id="more", say="b.wav", transcript="more"))
    creatives = [
        Creative(crid=crid, format=Format.VOICE_MENTION, dur=timedelta(seconds=5), transcript="Hi.", follow_up="talk")
        for crid in crids
    ]
    talk = Creative(
        crid="talk", format=Format.VOICE_DIALOGUE, dur=timedelta(seconds=20), transcript="Talk.", turns=turns
    )
    item = LineItem(
        id="spring",
        crids=(*crids, "talk"),
        flight=Flight(start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2027, 1, 1, tzinfo=UTC)),
        targeting=Targeting(moments=(MomentKind.IDLE,)),
    )
    made = Campaign(
        id=campaign,
        advertiser="roaster",
        name=f"The {campaign} campaign",
        adomain=("roaster.example",),
        line_items=(item,),
        creatives=(*creatives, talk),
    )
    return ShelvedPack(f"packs/roaster/{campaign}", 1, made, {}, {}, complete=True)


def catalog(*packs: ShelvedPack) -> Catalog:
    return Catalog(packs or (pack(),))


def candidate(crid: str = "morning", campaign: str = "coffee") -> Candidate:
    shelved = pack(campaign)
    return Candidate(shelved, shelved.campaign.line_items[0], shelved.campaign.creative(crid))


def slot(at: datetime, kind: MomentKind = MomentKind.IDLE, fmt: Format = Format.VOICE_MENTION) -> Slot:
    return Slot("slot-1", fmt, Moment(kind, at), at, timedelta(seconds=30), ("audio/wav",))


def play(
    number: str = "1",
    at: datetime = NOON,
    crid: str = "morning",
    *,
    kind: MomentKind = MomentKind.IDLE,
    turn: str = "",
) -> Play:
    chosen = candidate(crid)
    opened = slot(at, kind, chosen.creative.format)
    return Play(PlayId(f"play-{number}"), DecisionId(f"decision-{number}"), opened, chosen, at, {}, turn)


def record(journal: Journal, made: Play, kinds: Sequence[PlayEventKind] = DONE) -> None:
    """Journal a play and its events, one second apart."""
    journal.record_play(made)
    for seconds, kind in enumerate(kinds, 1):
        at = made.started_at + timedelta(seconds=seconds)
        journal.record_event(PlayEvent(made.id, kind, at, 1000 * seconds))


def rejections(count: int) -> tuple[Rejection, ...]:
    return tuple(
        Rejection(f"c{number}", "spring", "coffee", EligibilityRule.OUTSIDE_FLIGHT, said(f"Ended on day {number}."))
        for number in range(count)
    )


def refusal(number: int, at: datetime = NOON) -> Decision:
    moment = Moment(MomentKind.IDLE, at)
    return Decision(
        DecisionId(f"d{number}"),
        at,
        moment,
        Refusal(moment, PermissionRule.QUIET_HOURS, said("It is quiet until 07:00.")),
    )


def no_fill(number: int, rejected: int, at: datetime = NOON) -> Decision:
    opened = slot(at)
    return Decision(DecisionId(f"d{number}"), at, opened.moment, NoFill(opened, rejections(rejected)))


def selection(number: int, at: datetime = NOON) -> Decision:
    opened = slot(at)
    return Decision(DecisionId(f"decision-{number}"), at, opened.moment, Selected(opened, candidate(), rejections(2)))


class SetClock:
    """A clock that moves only when the test says so; `idle` returns when the room waits for it."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._waiting: list[tuple[datetime, asyncio.Event]] = []

    def now(self) -> datetime:
        return self._now

    async def wait_until(self, when: datetime) -> None:
        reached = asyncio.Event()
        entry = (when, reached)
        self._waiting.append(entry)
        try:
            if self._now >= when:
                return
            await reached.wait()
        finally:
            self._waiting.remove(entry)

    def set(self, now: datetime) -> None:
        """Step the clock, forwards or backwards."""
        self._now = now
        for when, reached in self._waiting:
            if now >= when:
                reached.set()

    def waiting_for(self) -> list[datetime]:
        return sorted(when for when, _ in self._waiting)


async def settled() -> None:
    """Let every task run until all wait; the room does only bounded work between two waits."""
    for _ in range(200):
        await asyncio.sleep(0)


def everything_in(directory: Path) -> bytes:
    """Every byte of every file there."""
    return b"".join(path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file())
