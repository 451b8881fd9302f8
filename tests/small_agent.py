"""A small whole agent in memory: the real engine and rules, with a screen and a speaker that render at once.

It offers the debug room's `AgentPort` as the composition root does, without a broker, a microphone or processes.
"""

import asyncio
import json
import shutil
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from edge_agent.debug.feed import Feed, Subscription
from edge_agent.debug.messages import DecisionMessage, HeardMessage, PlayMessage, StateMessage, WhyMessage
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
    StateView,
)
from edge_agent.debug.views import consent_view, decision_view, pack_view, play_view, playing_view, problem_view
from edge_agent.engine import step
from edge_agent.model import effects as fx
from edge_agent.model import events as ev
from edge_agent.model.catalog import Catalog
from edge_agent.model.decision import Decision
from edge_agent.model.device import (
    Consent,
    DeviceState,
    History,
    Microphone,
    MomentRule,
    PlacementPolicy,
    ResidentLimits,
    Surroundings,
)
from edge_agent.model.formats import Format, FormatLimit
from edge_agent.model.moment import MomentKind
from edge_agent.model.play import Play, PlayEvent, PlayEventKind, ProofOfPlay
from edge_agent.model.shelf_room import RoomPlace
from edge_agent.model.wording import Said
from edge_agent.plays import EngineState
from edge_agent.troubles import Troubles

Kind = Literal["tv", "speaker", "fridge"]

MORNING = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)

_STILLS = ("image/svg+xml", "image/png")
_SPOKEN = FormatLimit(format=Format.VOICE_MENTION, mime=("audio/wav",), max_dur=timedelta(seconds=15))
_TALK = FormatLimit(format=Format.VOICE_DIALOGUE, mime=("audio/wav",), max_dur=timedelta(seconds=60))
_FORMATS: dict[Kind, tuple[FormatLimit, ...]] = {
    "tv": (
        FormatLimit(format=Format.BOOT_SCREEN, mime=_STILLS, max_dur=timedelta(seconds=10), w=1920, h=1080),
        _TALK,
    ),
    "speaker": (_SPOKEN, _TALK),
    "fridge": (FormatLimit(format=Format.IDLE_POSTER, mime=_STILLS, max_dur=timedelta(seconds=60), w=800, h=1280),),
}
_MOMENTS: dict[Kind, tuple[MomentRule, ...]] = {
    "tv": (
        MomentRule(kind=MomentKind.POWER_ON, format=Format.BOOT_SCREEN),
        MomentRule(kind=MomentKind.FOLLOW_UP, format=Format.VOICE_DIALOGUE),
    ),
    "speaker": (MomentRule(kind=MomentKind.ASSISTANT_ANSWERED, format=Format.VOICE_MENTION),),
    "fridge": (MomentRule(kind=MomentKind.IDLE, format=Format.IDLE_POSTER),),
}
_TITLES: dict[Kind, str] = {"tv": "Living-room TV", "speaker": "Kitchen speaker", "fridge": "Fridge"}

_BROKER = AssetSourceView(kind="broker", url="", received_bytes=0, lacks=0, problem="", problem_said=None)


class SmallAgent:
    """One agent of one kind of device. `runtime_directory` gets the virtual screen and speaker."""

    def __init__(self, kind: Kind, catalog: Catalog, folder: Path, *, consent: bool = True) -> None:
        self.kind = kind
        self.folder = folder
        self.feed = Feed(depth=64)
        self.time = MORNING
        self.answers_after_s = 0.0
        self.mirrors: list[AssetSourceView] = []
        self.waits: dict[str, Said] = {}
        self.places: dict[str, RoomPlace] = {}
        self.troubles = Troubles(now=lambda: self.time, changed=self._tell_state)
        self._heard: HeardView | None = None
        self._decisions: list[DecisionView] = []
        self._proofs: dict[str, ProofOfPlay] = {}
        self._answers: dict[str, fx.AnswerSlot] = {}
        self._rendering: dict[str, Play] = {}
        self._events: deque[ev.Event] = deque()
        self._stepping = False
        self.engine = EngineState(
            run=kind,
            catalog=catalog,
            wake_phrases=("hello home",),
            surroundings=Surroundings(
                device=DeviceState(microphone=Microphone.LISTENING),
                consent=Consent(placements=consent, reports=consent, at=MORNING if consent else None),
                limits=ResidentLimits(),
                policy=PlacementPolicy(),
                history=History(),
                formats=_FORMATS[kind],
                moments=_MOMENTS[kind],
                zone=UTC,
            ),
        )
        for device in ("screen", "speaker"):
            self._note(device, {})

    # --- what the endpoint asks -----------------------------------------------------------------------------------

    @property
    def runtime_directory(self) -> Path | None:
        return self.folder

    @property
    def asset_roots(self) -> Sequence[Path]:
        return tuple({path.parent for pack in self.engine.catalog.packs for path in pack.paths.values()})

    def now(self) -> datetime:
        return self.time

    def health(self) -> HealthView:
        return HealthView(status="ok", version="0.1.0", uptime_s=1.5, problems=[])

    def state(self) -> StateView:
        around, playing = self.engine.surroundings, self.engine.playing
        device = around.device
        return StateView(
            device=IdentityView(
                id=f"{self.kind}-1",
                profile=self.kind,
                title=_TITLES[self.kind],
                kind=self.kind,
                lang="en",
                standin=True,
            ),
            now=self.time.isoformat(),
            clock_trusted=around.trusted_time,
            powered=device.powered,
            do_not_disturb=device.do_not_disturb,
            call_in_progress=device.call_in_progress,
            media_playing=device.media_playing,
            microphone=device.microphone.value,
            phrases=list(self.engine.phrases),
            heard=self._heard,
            playing=None if playing is None else playing_view(playing),
            staged=self.engine.staged or None,
            consent=consent_view(around.consent),
            limits=around.limits.model_dump(mode="json"),
            link=LinkView(status="connected", broker="127.0.0.1:1883", since=MORNING.isoformat()),
            asset_sources=[*self.mirrors, _BROKER],
            problems=[problem_view(subject, trouble) for subject, trouble in self.troubles.lasting.items()],
            repository_version=3,
            config_version=None,
        )

    def packs(self) -> Sequence[PackView]:
        return [
            pack_view(pack, self.waits.get(pack.name), self.places.get(pack.name))
            for pack in self.engine.catalog.packs
        ]

    @property
    def packs_budget_bytes(self) -> int:
        return 2**28

    def decisions(self, limit: int) -> Sequence[DecisionView]:
        return self._decisions[::-1][:limit]

    def plays(self, limit: int) -> Sequence[PlayView]:
        return [play_view(proof) for proof in list(self._proofs.values())[::-1][:limit]]

    def metrics(self) -> bytes:
        registry = CollectorRegistry()
        Gauge("edge_agent_packs", "Packs on the shelf.", registry=registry).set(len(self.engine.catalog.packs))
        return generate_latest(registry)

    def subscribe(self) -> Subscription:
        return self.feed.subscribe()

    def inject(self, event: ev.Event) -> None:
        self._events.append(event)
        if self._stepping:
            return
        self._stepping = True
        try:
            while self._events:
                self._step(self._events.popleft())
        finally:
            self._stepping = False
        self.feed.publish(StateMessage(type="state", state=self.state()))

    async def request_slot(self, request: ev.SlotRequested) -> fx.AnswerSlot:
        await asyncio.sleep(self.answers_after_s)
        self.inject(request)
        return self._answers.pop(request.request_id)

    def renders_itself(self, play_id: str) -> bool:
        playing = self.engine.playing
        return playing is not None and playing.id == play_id and playing.slot.inline

    def resident(self) -> tuple[Consent, ResidentLimits]:
        return self.engine.surroundings.consent, self.engine.surroundings.limits

    def mute(self, *, on: bool) -> None:
        self.inject(ev.MicrophoneChanged(Microphone.MUTED if on else Microphone.LISTENING))

    def _tell_state(self) -> None:
        self.feed.publish(StateMessage(type="state", state=self.state()))

    def erase(self) -> None:
        self._decisions.clear()
        self._proofs.clear()

    def set_clock(self, now: datetime) -> None:
        self.time = now
        self.feed.publish(StateMessage(type="state", state=self.state()))

    # --- what the world does --------------------------------------------------------------------------------------

    def hear(self, phrase: str) -> None:
        """Let the recogniser hear a phrase."""
        self._heard = HeardView(phrase=phrase, at=self.time.isoformat(), confidence=0.94)
        self.feed.publish(HeardMessage(type="heard", heard=self._heard))
        self.inject(ev.PhraseHeard(phrase, 1.0, 1.6, 0.94))

    def finish(self) -> None:
        """Let what is playing come to its end."""
        for play_id in list(self._rendering):
            self._render(self._rendering.pop(play_id), PlayEventKind.COMPLETE, 8000)

    def decided(self, decision: Decision) -> None:
        """Show a decision, whoever made it."""
        self._decisions.append(decision_view(decision))
        self.feed.publish(DecisionMessage(type="decision", decision=self._decisions[-1]))

    # --- effects --------------------------------------------------------------------------------------------------

    def _step(self, event: ev.Event) -> None:
        self.engine, effects = step(self.engine, event, self.time, 0.5)
        for effect in effects:
            self._carry(effect)

    def _carry(self, effect: fx.Effect) -> None:
        match effect:
            case fx.StartPlay(play):
                self._rendering[play.id] = play
                self._render(play, PlayEventKind.LOADED, 20)
                self._render(play, PlayEventKind.IMPRESSION, 40)
            case fx.ClosePlay(play_id):
                if play_id in self._rendering:
                    self._render(self._rendering.pop(play_id), PlayEventKind.CLOSE, 2000)
            case fx.AnswerSlot():
                self._answers[effect.request_id] = effect
            case fx.RecordDecision(decision):
                self.decided(decision)
            case fx.RecordPlay(play):
                self._proofs[play.id] = _proof(play)
                self._tell(play.id)
            case fx.RecordPlayEvent(event):
                self._journal(event)
            case fx.RecordClose(play_id, cause):
                self._change(play_id, close_cause=cause)
            case fx.ExplainPlay():
                self.feed.publish(WhyMessage(type="why", reason=str(effect.reason), said=said_view(effect.reason)))
            case _:
                pass  # The engine's own state has it, or nothing in memory needs it.

    def _render(self, play: Play, kind: PlayEventKind, t_ms: int) -> None:
        creative = play.candidate.creative
        device = "speaker" if creative.format.is_spoken else "screen"
        self._note(device, {} if kind.is_final else _request(play))
        if creative.format.is_spoken and not kind.is_final:
            shutil.copy(play.paths[creative.asset_names()[0]], self.folder / "speaker" / "last.wav")
        self.inject(ev.PlayProgressed(PlayEvent(play.id, kind, self.time, t_ms)))

    def _note(self, device: str, note: dict[str, Any]) -> None:
        path = self.folder / device / "now.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".new").write_text(json.dumps(note), encoding="utf-8")
        path.with_suffix(".new").replace(path)

    def _journal(self, event: PlayEvent) -> None:
        ended_at = event.at if event.kind.is_final else None
        self._change(event.play_id, events=(*self._proofs[event.play_id].events, event), ended_at=ended_at)

    def _change(self, play_id: str, **changes: Any) -> None:
        self._proofs[play_id] = replace(self._proofs[play_id], **changes)
        self._tell(play_id)

    def _tell(self, play_id: str) -> None:
        self.feed.publish(PlayMessage(type="play", play=play_view(self._proofs[play_id])))


def _proof(play: Play) -> ProofOfPlay:
    candidate = play.candidate
    return ProofOfPlay(
        play_id=play.id,
        crid=candidate.creative.crid,
        line_item=candidate.line_item.id,
        campaign=candidate.campaign.id,
        advertiser=candidate.campaign.advertiser,
        format=candidate.creative.format.value,
        moment=play.slot.moment.kind.value,
        started_at=play.started_at,
        ended_at=None,
    )


def _request(play: Play) -> dict[str, Any]:
    """Return what a hook would have been told, as it leaves it for whoever looks at the virtual devices."""
    creative, asset, campaign = play.candidate.creative, play.candidate.asset, play.candidate.campaign
    return {
        "v": 1,
        "play": play.id,
        "creative": {
            "crid": creative.crid,
            "format": creative.format.value,
            "title": campaign.name,
            "advertiser": campaign.advertiser,
            "transcript": creative.transcript,
            "dur": creative.dur.total_seconds(),
            "mime": "" if asset is None else asset.mime,
        },
        "asset": None if creative.asset is None else str(play.paths[creative.asset]),
    }
