"""What fills the slot, and why not the others? The door of the room; pure.

`RULES` is the whole of eligibility, read from top to bottom: what is here, what was booked, what the resident and the
operator keep away, what the device renders, how often is enough. Each candidate that fails keeps the first rule that
it failed; `ranking` chooses among the rest.
"""

from datetime import datetime
from typing import Final

from edge_agent.decide.question import Question, Rule, ask
from edge_agent.decide.ranking import rank
from edge_agent.decide.rules import (
    blocked_advertiser,
    blocked_category,
    daypart,
    dismissed,
    duration,
    flight,
    frequency,
    language,
    mime,
    pacing,
    pack_incomplete,
    revoked,
    size,
    targeting,
)
from edge_agent.model.catalog import Candidate, Catalog
from edge_agent.model.decision import EligibilityRule, NoFill, Rejection, Selected
from edge_agent.model.device import Surroundings
from edge_agent.model.moment import Slot
from edge_agent.model.wording import Said

RULES: Final[tuple[tuple[EligibilityRule, Rule], ...]] = (
    (EligibilityRule.REVOKED, revoked.reject),
    (EligibilityRule.PACK_INCOMPLETE, pack_incomplete.reject),
    (EligibilityRule.NOT_TARGETED, targeting.reject),
    (EligibilityRule.OUTSIDE_FLIGHT, flight.reject),
    (EligibilityRule.OUTSIDE_DAYPART, daypart.reject),
    (EligibilityRule.DISMISSED, dismissed.reject),
    (EligibilityRule.BLOCKED_ADVERTISER, blocked_advertiser.reject),
    (EligibilityRule.BLOCKED_CATEGORY, blocked_category.reject),
    (EligibilityRule.LANGUAGE, language.reject),
    (EligibilityRule.MIME, mime.reject),
    (EligibilityRule.SIZE, size.reject),
    (EligibilityRule.DURATION, duration.reject),
    (EligibilityRule.FREQUENCY_CAP, frequency.reject),
    (EligibilityRule.PACED, pacing.reject),
)

_KEPT_AWAY: Final[tuple[Rule, ...]] = (dismissed.reject, blocked_advertiser.reject, blocked_category.reject)


def decide(slot: Slot, catalog: Catalog, surroundings: Surroundings, now: datetime, draw: float) -> Selected | NoFill:
    """Return the chosen candidate, or NoFill; either with every other candidate of the format and why not.

    `now` is aware and `draw` uniform in [0, 1) (RuntimeError otherwise). Equal arguments give equal answers. Those
    that were eligible come first among the rejections, as `OUTRANKED`.
    """
    if not 0 <= draw < 1:
        raise RuntimeError(f"a draw lies in [0, 1), and {draw} does not")
    question = ask(slot, surroundings, now)
    eligible: list[Candidate] = []
    failed: list[Rejection] = []
    for candidate in catalog.candidates(slot.format):
        rejection = _first_failing(candidate, question)
        if rejection is None:
            eligible.append(candidate)
        else:
            failed.append(rejection)
    if not eligible:
        return NoFill(slot, tuple(failed))
    ranking = rank(eligible, question, draw)
    outranked = (
        _rejection(candidate, EligibilityRule.OUTRANKED, ranking.why_not(candidate))
        for candidate in eligible
        if candidate is not ranking.winner
    )
    return Selected(slot, ranking.winner, (*outranked, *failed))


def is_unwanted(slot: Slot, candidate: Candidate, surroundings: Surroundings, now: datetime) -> bool:
    """Return whether what `candidate` is for is kept away. `now` must be aware (RuntimeError)."""
    question = ask(slot, surroundings, now)
    return any(reject(candidate, question) is not None for reject in _KEPT_AWAY)


def _first_failing(candidate: Candidate, question: Question) -> Rejection | None:
    for rule, reject in RULES:
        why = reject(candidate, question)
        if why is not None:
            return _rejection(candidate, rule, why)
    return None


def _rejection(candidate: Candidate, rule: EligibilityRule, why: Said) -> Rejection:
    return Rejection(candidate.creative.crid, candidate.line_item.id, candidate.pack.campaign.id, rule, why)
