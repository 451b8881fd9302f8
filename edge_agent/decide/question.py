"""What an eligibility rule looks at: the slot, the time and the resident, the same for every candidate. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from edge_agent.model.catalog import Candidate
from edge_agent.model.device import History, ResidentLimits, Surroundings
from edge_agent.model.moment import MomentKind, Slot
from edge_agent.model.wording import Said, Wall, WallStyle


@dataclass(frozen=True, slots=True)
class Question:
    """May this fill the slot at `now` (always UTC, so that arithmetic is exact on nights when clocks change)?

    `local` is now on the device's wall clock; `blocked_cat` holds the operator's and the resident's categories;
    `blocked_advertisers` the resident's names and domains, each as `plain_name` writes it.
    `asked_for` is whether the resident asked for one certain creative ("tell me more"). Then what the advertiser
    booked does not matter (moments, dayparts, caps, pacing); what the resident blocked and the device renders does.
    """

    slot: Slot
    now: datetime
    local: datetime
    limits: ResidentLimits
    blocked_cat: frozenset[str]
    blocked_advertisers: frozenset[str]
    history: History
    asked_for: bool
    progress: dict[tuple[int, int], tuple[int, int, int]] = field(default_factory=dict)
    """What `plan` worked out for line items already asked about, by identity of campaign and line item."""

    def clock(self, at: datetime) -> Wall:
        """Return a moment for a person, on the device's wall clock."""
        return Wall(at.astimezone(self.local.tzinfo), WallStyle.DATE_TIME)


Rule = Callable[[Candidate, Question], Said | None]
"""Returns None where the rule has nothing against the candidate, else one plain sentence for a person."""


def ask(slot: Slot, surroundings: Surroundings, now: datetime) -> Question:
    """Put the question. `now` must be aware (RuntimeError)."""
    if now.utcoffset() is None:
        raise RuntimeError("a decision needs an aware `now`")
    return Question(
        slot=slot,
        now=now.astimezone(UTC),
        local=now.astimezone(surroundings.zone),
        limits=surroundings.limits,
        blocked_cat=surroundings.policy.blocked_cat | surroundings.limits.blocked_cat,
        blocked_advertisers=frozenset(map(plain_name, surroundings.limits.blocked_advertisers)),
        history=surroundings.history,
        asked_for=slot.moment.kind is MomentKind.FOLLOW_UP,
    )


def plain_name(name: str) -> str:
    """Return an advertiser's name or domain as all ways to type it have it in common.

    Neither capitals matter nor, since "acme.example." is the same name in the DNS, a dot at the end.
    """
    return name.strip().casefold().rstrip(".")
