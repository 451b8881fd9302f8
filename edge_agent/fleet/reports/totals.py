"""Totals of a fleet from randomised reports: reach per creative and day with its uncertainty (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from math import ceil
from typing import Any, Final

from edge_agent.fleet.reports.store import Counter
from edge_agent.measure.randomiser import Estimate, add, estimate
from edge_agent.model.report import Reached
from edge_agent.model.wording import Said, Wording

STAGES: Final = {
    "reached": frozenset({Reached.IMPRESSION, Reached.COMPLETE, Reached.FOLLOWED_UP}),
    "completed": frozenset({Reached.COMPLETE, Reached.FOLLOWED_UP}),
    "followed_up": frozenset({Reached.FOLLOWED_UP}),
}
"""Cumulative: who followed up also completed, or at least saw it."""

TOO_WIDE: Final = 0.25
"""An interval wider than this share of the reporting homes concludes nothing."""

CONCLUSIVE: Final = Wording("verdict.conclusive", "conclusive")
_NOBODY: Final = Wording("verdict.nobody", "cannot be told from nobody")
_TOO_FEW: Final = Wording("verdict.too_few", "too few homes to conclude: about {needed} reports are needed")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table. `day` None adds up days: its homes are home-days. `crid` empty adds up creatives."""

    campaign: str
    crid: str
    day: date | None
    reports: int
    estimates: dict[str, Estimate]

    @property
    def verdict(self) -> str:
        """Say in words whether the reach can be concluded from."""
        return str(self.conclusion)

    @property
    def conclusion(self) -> Said:
        """The verdict, for pages in any language."""
        reach = self.estimates["reached"]
        if reach.share_uncertain > TOO_WIDE:
            # The width falls with the root of the number of homes.
            needed = ceil(self.reports * (reach.share_uncertain / TOO_WIDE) ** 2)
            return _TOO_FEW(needed=max(needed, self.reports + 1))
        if reach.low <= 0:
            return _NOBODY()
        return CONCLUSIVE()

    def document(self) -> dict[str, Any]:
        """Return the line for `--json`. Estimates are homes (home-days in sums), each with its 95 % interval."""
        estimates = {
            stage: {"estimate": round(found.value, 1), "low": round(found.low, 1), "high": round(found.high, 1)}
            for stage, found in self.estimates.items()
        }
        return {
            "campaign": self.campaign,
            "crid": self.crid or None,
            "day": None if self.day is None else self.day.isoformat(),
            "reports": self.reports,
            **estimates,
            "conclusive": self.conclusion.wording is CONCLUSIVE,
            "verdict": self.verdict,
        }


def lines(counters: Iterable[Counter]) -> list[Line]:
    """Return a line per campaign, creative and day, each campaign's sum before its own lines."""
    ordered = sorted(counters, key=lambda one: (one.campaign, one.crid, one.day, one.epsilon))
    found: list[Line] = []
    for campaign, of_campaign in groupby(ordered, key=lambda one: one.campaign):
        own = [
            _line(campaign, crid, day, list(same))
            for (crid, day), same in groupby(of_campaign, key=lambda one: (one.crid, one.day))
        ]
        total = {stage: add(line.estimates[stage] for line in own) for stage in STAGES}
        found += [Line(campaign, "", None, sum(line.reports for line in own), total), *own]
    return found


def _line(campaign: str, crid: str, day: date, counters: list[Counter]) -> Line:
    """Estimate each epsilon's homes apart and add them: answers with different noise must not be mixed."""
    groups = [
        (epsilon, {one.answer: one.reports for one in same})
        for epsilon, same in groupby(counters, key=lambda one: one.epsilon)
    ]
    estimates = {
        stage: add(estimate(counts, among, epsilon) for epsilon, counts in groups) for stage, among in STAGES.items()
    }
    return Line(campaign, crid, day, sum(one.reports for one in counters), estimates)
