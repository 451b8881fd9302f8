"""What the endpoint needs of the agent. The composition root implements it; `shapes` holds the JSON.

Every call is made on the event loop's thread. Only `request_slot` waits for anything.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from edge_agent.debug.feed import Subscription
from edge_agent.debug.shapes import DecisionView, HealthView, PackView, PlayView, StateView
from edge_agent.model.device import Consent, ResidentLimits
from edge_agent.model.effects import AnswerSlot
from edge_agent.model.events import Event, SlotRequested


class AgentPort(Protocol):
    """One running agent, as its endpoint sees it.

    Reading never changes anything. Acting is `inject`, `request_slot`, `mute`, `erase` and `set_clock`; whether a
    caller may act is the endpoint's business, not the agent's.
    """

    @property
    def runtime_directory(self) -> Path | None:
        """Where the stand-in's virtual screen and speaker keep what they show and say; None on a real device."""

    @property
    def asset_roots(self) -> Sequence[Path]:
        """Folders (the blob store, the staged boot slot) outside which no asset is ever served."""

    def now(self) -> datetime:
        """Return the agent's own time, aware; simulated on a stand-in whose clock was set."""

    def health(self) -> HealthView:
        """Return whether everything works, and what does not."""

    def state(self) -> StateView:
        """Return what the agent knows of the device, the resident's wishes and the broker."""

    def packs(self) -> Sequence[PackView]:
        """Return the shelf (`views.pack_view` makes one)."""

    @property
    def packs_budget_bytes(self) -> int:
        """How much room packs have on the disk."""

    def decisions(self, limit: int) -> Sequence[DecisionView]:
        """Return up to `limit` decisions, newest first (`views.decision_view` makes one)."""

    def plays(self, limit: int) -> Sequence[PlayView]:
        """Return up to `limit` plays, newest first (`views.play_view` makes one)."""

    def metrics(self) -> bytes:
        """Return the Prometheus text exposition (version 0.0.4)."""

    def subscribe(self) -> Subscription:
        """Return what happens from now on (keep one `feed.Feed`, publish to it, and return its `subscribe()`)."""

    def inject(self, event: Event) -> None:
        """Give the engine an event. Returns at once; what comes of it is seen in the feed."""

    async def request_slot(self, request: SlotRequested) -> AnswerSlot:
        """Let the engine decide for device software that renders by itself. The endpoint waits 50 ms, no longer.

        When the answer comes later than that, the endpoint injects an `error` event for its play, so that nothing is
        held to be playing that nobody was told of.
        """

    def renders_itself(self, play_id: str) -> bool:
        """Return whether that play was given to the device's own software and has not ended."""

    def resident(self) -> tuple[Consent, ResidentLimits]:
        """Return what the resident agreed to and narrowed."""

    def mute(self, *, on: bool) -> None:
        """Mute or unmute the microphone; the state says `muted` while it is."""

    def erase(self) -> None:
        """Erase plays, decisions and unsent reports. Raises StorageError when the disk refuses."""

    def set_clock(self, now: datetime) -> None:
        """Set the simulated time. Called only where `state()["device"]["standin"]` is true."""
