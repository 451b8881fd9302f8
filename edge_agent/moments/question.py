"""What a permission rule looks at: one moment, and everything around it. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from edge_agent.model.device import Surroundings
from edge_agent.model.formats import Format, FormatLimit
from edge_agent.model.moment import Moment, MomentKind
from edge_agent.model.wording import Said, Wall, WallStyle


@dataclass(frozen=True, slots=True)
class Question:
    """May a placement open at `now` (always UTC, so that arithmetic is exact on nights when clocks change)?

    `format` is None when the device's profile has none for this moment, `limit` when it cannot render it.
    """

    moment: Moment
    surroundings: Surroundings
    now: datetime
    format: Format | None
    limit: FormatLimit | None

    @property
    def asked_for(self) -> bool:
        """Whether the resident asked for this very placement ("tell me more").

        Rules that spare the resident an interruption (quiet hours, media, spacing, caps) do not apply then: nobody
        interrupts somebody who asked. Rules that say what is agreed, possible or private (consent, power, a call,
        do-not-disturb) do.
        """
        return self.moment.kind is MomentKind.FOLLOW_UP

    @property
    def local(self) -> datetime:
        """Now, on the wall clock of the device's own time zone."""
        return self.now.astimezone(self.surroundings.zone)

    def clock(self, at: datetime) -> Wall:
        """Return a moment for a person: the time alone today, with the weekday on other days."""
        local = at.astimezone(self.surroundings.zone)
        return Wall(local, WallStyle.TIME if local.date() == self.local.date() else WallStyle.DAY_TIME)


Rule = Callable[[Question], Said | None]
"""Returns None where the rule has nothing against it, else one plain sentence for a person."""


def ask(moment: Moment, surroundings: Surroundings, now: datetime, fmt: Format | None) -> Question:
    """Put the question. Without `fmt`, the profile's rule for this kind and topic says which format, if any.

    A rule that names the topic goes before one for any topic; of several alike, the first. There is no falling back
    to the next one: were the resident to switch the first format off, the second would appear instead.
    """
    if now.utcoffset() is None:
        raise RuntimeError("permission needs an aware `now`")
    if fmt is None:
        offers = [rule for rule in surroundings.moments if rule.kind is moment.kind]
        exact = (rule.format for rule in offers if rule.topic and rule.topic == moment.topic)
        general = (rule.format for rule in offers if not rule.topic)
        fmt = next(exact, None) or next(general, None)
    limit = next((limit for limit in surroundings.formats if limit.format is fmt), None)
    return Question(moment, surroundings, now.astimezone(UTC), fmt, limit)
