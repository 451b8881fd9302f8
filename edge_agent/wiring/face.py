"""The agent's face: what its HTTP endpoint may see and do. Implements `debug.port.AgentPort` over the rooms."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from edge_agent import __version__
from edge_agent.clock import Clock, SettableClock
from edge_agent.debug.feed import Feed, Subscription
from edge_agent.debug.messages import (
    DecisionMessage,
    HeardMessage,
    PacksMessage,
    PlayMessage,
    StateMessage,
    WhyMessage,
)
from edge_agent.debug.said import said_view
from edge_agent.debug.shapes import (
    AssetSourceView,
    DecisionView,
    HealthView,
    HeardView,
    IdentityView,
    LinkView,
    PackView,
    PlayView,
    ProblemView,
    StateView,
)
from edge_agent.debug.views import consent_view, decision_view, pack_view, play_view, playing_view, problem_view
from edge_agent.measure.journal import Journal
from edge_agent.model import events as ev
from edge_agent.model.decision import Decision
from edge_agent.model.device import Consent, ResidentLimits
from edge_agent.model.effects import AnswerSlot
from edge_agent.model.errors import StorageError
from edge_agent.model.identity import PlayId
from edge_agent.model.shelf_room import RoomPlace
from edge_agent.model.wording import Said
from edge_agent.packs.fetching.mirrors import AssetSource
from edge_agent.settings.layers import Settings
from edge_agent.troubles import Troubles
from edge_agent.wiring.driver import Driver

DECISIONS_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Sights:
    """What the face reads of the rooms, each asked for when somebody looks."""

    link: Callable[[], LinkView]
    repository_version: Callable[[], int | None]
    config_version: Callable[[], int | None]
    metrics: Callable[[], bytes]
    pack_reasons: Callable[[], Mapping[str, Said]] = dict
    asset_sources: Callable[[], Sequence[AssetSource]] = tuple
    pack_places: Callable[[], Mapping[str, RoomPlace]] = dict
    asset_roots: tuple[Path, ...] = ()


@dataclass(slots=True)
class Face:
    """One running agent as its endpoint sees it. Belongs to the event loop's thread."""

    settings: Settings
    driver: Driver
    journal: Journal
    clock: Clock
    troubles: Troubles
    sights: Sights
    set_mute: Callable[[bool], None]
    feed: Feed = field(default_factory=Feed)
    ready: bool = False
    _started_at: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    _decisions: deque[DecisionView] = field(default_factory=lambda: deque(maxlen=DECISIONS_SHOWN))
    _heard: HeardView | None = None
    _told_packs: list[PackView] | None = None
    _requests: dict[str, asyncio.Future[AnswerSlot]] = field(default_factory=dict)

    # --- reading -----------------------------------------------------------------------------------------------

    @property
    def runtime_directory(self) -> Path | None:
        """Where the stand-in's virtual screen and speaker are; None on a real device."""
        return self.settings.runtime_directory if self.settings.profile.standin else None

    @property
    def asset_roots(self) -> Sequence[Path]:
        """Folders outside which no asset is served."""
        return self.sights.asset_roots

    def now(self) -> datetime:
        """Return the agent's own time."""
        return self.clock.now()

    def health(self) -> HealthView:
        """Return whether everything works, and what does not."""
        problems = self._problems()
        return HealthView(
            status="starting" if not self.ready else "degraded" if problems else "ok",
            version=__version__,
            uptime_s=round(asyncio.get_running_loop().time() - self._started_at, 3),
            problems=problems,
        )

    def _problems(self) -> list[ProblemView]:
        return [problem_view(subject, trouble) for subject, trouble in self.troubles.lasting.items()]

    def state(self) -> StateView:
        """Return what the agent knows of the device, the resident's wishes and the broker."""
        state = self.driver.state
        around, profile = state.surroundings, self.settings.profile
        return StateView(
            device=IdentityView(
                id=self.settings.device_id,
                profile=profile.name,
                title=profile.title,
                kind=profile.kind,
                lang=around.lang,
                standin=profile.standin,
            ),
            now=self.now().astimezone(around.zone).isoformat(),
            clock_trusted=around.trusted_time,
            powered=around.device.powered,
            do_not_disturb=around.device.do_not_disturb,
            call_in_progress=around.device.call_in_progress,
            media_playing=around.device.media_playing,
            microphone=around.device.microphone.value,
            phrases=list(state.phrases),
            heard=self._heard,
            playing=None if state.playing is None else playing_view(state.playing),
            staged=state.staged or None,
            consent=consent_view(around.consent),
            limits=around.limits.model_dump(mode="json"),
            link=self.sights.link(),
            asset_sources=[asset_source_view(source) for source in self.sights.asset_sources()],
            problems=self._problems(),
            repository_version=self.sights.repository_version(),
            config_version=self.sights.config_version(),
        )

    def packs(self) -> Sequence[PackView]:
        """Return the shelf."""
        reasons, places = self.sights.pack_reasons(), self.sights.pack_places()
        return [
            pack_view(pack, reasons.get(pack.name), places.get(pack.name)) for pack in self.driver.state.catalog.packs
        ]

    @property
    def packs_budget_bytes(self) -> int:
        """How much room packs have on the disk."""
        return self.settings.packs.budget_bytes

    def decisions(self, limit: int) -> Sequence[DecisionView]:
        """Return up to `limit` decisions since the agent started, newest first; `edge-agent explain` has the rest."""
        return list(self._decisions)[:limit]

    def plays(self, limit: int) -> Sequence[PlayView]:
        """Return up to `limit` plays, newest first."""
        return [play_view(proof) for proof in self.journal.proofs(limit)]

    def metrics(self) -> bytes:
        """Return the Prometheus text exposition."""
        return self.sights.metrics()

    def subscribe(self) -> Subscription:
        """Return what happens from now on."""
        return self.feed.subscribe()

    def resident(self) -> tuple[Consent, ResidentLimits]:
        """Return what the resident agreed to and narrowed."""
        around = self.driver.state.surroundings
        return around.consent, around.limits

    def renders_itself(self, play_id: str) -> bool:
        """Return whether that play was given to the device's own software and has not ended."""
        playing = self.driver.state.playing
        return playing is not None and playing.slot.inline and playing.id == play_id

    # --- acting ------------------------------------------------------------------------------------------------

    def inject(self, event: ev.Event) -> None:
        """Give the engine an event."""
        self.driver.tell(event)

    async def request_slot(self, request: ev.SlotRequested) -> AnswerSlot:
        """Let the engine decide for device software that renders by itself."""
        answer: asyncio.Future[AnswerSlot] = asyncio.get_running_loop().create_future()
        self._requests[request.request_id] = answer
        try:
            self.driver.tell(request)
            return await answer
        finally:
            self._requests.pop(request.request_id, None)

    def mute(self, *, on: bool) -> None:
        """Mute or unmute the microphone."""
        self.set_mute(on)

    def erase(self) -> None:
        """Erase plays, decisions and unsent reports. What caps count stays in memory, or erasing would reset them."""
        self._decisions.clear()
        self._heard = None
        try:
            self.journal.erase(self.now())
        finally:
            self.feed.begin_anew()

    def set_clock(self, now: datetime) -> None:
        """Set a stand-in's simulated time."""
        if not isinstance(self.clock, SettableClock):
            raise RuntimeError("only a stand-in's clock can be set")  # noqa: TRY004  the kind of device is at fault
        self.clock.set(now)
        self.tell_state()

    # --- telling -----------------------------------------------------------------------------------------------

    def answered(self, answer: AnswerSlot) -> None:
        """Hand the engine's answer to whoever asked; one who went away is passed over."""
        waiting = self._requests.get(answer.request_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def decided(self, decision: Decision) -> None:
        """Show a decision."""
        view = decision_view(decision)
        self._decisions.appendleft(view)
        self.feed.publish(DecisionMessage(type="decision", decision=view))

    def explained(self, reason: Said) -> None:
        """Show why the last placement was chosen."""
        self.feed.publish(WhyMessage(type="why", reason=str(reason), said=said_view(reason)))

    def noticed(self, event: ev.Event) -> None:
        """Show what an event changed, after the engine handled it."""
        match event:
            case ev.PhraseHeard():
                self._heard = HeardView(phrase=event.phrase, at=self.now().isoformat(), confidence=event.confidence)
                self.feed.publish(HeardMessage(type="heard", heard=self._heard))
            case ev.PlayProgressed():
                self.tell_packs()  # what plays goes last
            case ev.CatalogChanged():
                self.tell_packs()
            case _:
                pass
        self.tell_state()

    def tell_state(self) -> None:
        """Show the state as it is now, to whoever watches."""
        if self.feed.watchers:
            self.feed.publish(StateMessage(type="state", state=self.state()))

    def tell_packs(self) -> None:
        """Show the shelf as it is now, to whoever watches, when it is another than before."""
        if not self.feed.watchers:
            return
        packs = list(self.packs())
        if packs != self._told_packs:
            self._told_packs = packs
            self.feed.publish(PacksMessage(type="packs", packs=packs))

    def tell_play(self, play_id: PlayId) -> None:
        """Show a play as it is in the journal now. Software that renders by itself learns so that it was closed."""
        if not self.feed.watchers:
            return
        with suppress(StorageError):  # a page that cannot be shown a play is no reason to end the agent
            for proof in self.journal.proofs(5):
                if proof.play_id == play_id:
                    self.feed.publish(PlayMessage(type="play", play=play_view(proof)))


def asset_source_view(source: AssetSource) -> AssetSourceView:
    """Return where assets come from as the page shows it."""
    return AssetSourceView(
        kind="mirror" if source.url else "broker",
        url=source.url,
        received_bytes=source.bytes,
        lacks=source.lacks,
        problem="" if source.problem is None else str(source.problem),
        problem_said=None if source.problem is None else said_view(source.problem),
    )
