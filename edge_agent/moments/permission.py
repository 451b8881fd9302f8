"""May anything be placed at this moment? The door of the room; pure."""

from datetime import datetime, timedelta

from edge_agent.model.decision import PermissionRule, Refusal
from edge_agent.model.device import Surroundings
from edge_agent.model.formats import Format
from edge_agent.model.moment import Moment, Slot


def permit(
    moment: Moment,
    surroundings: Surroundings,
    now: datetime,
    *,
    fmt: Format | None = None,
    max_dur: timedelta | None = None,
    inline: bool = False,
) -> Slot | Refusal:
    """Return an open slot, or the first permission rule that said no with one plain sentence."""
    if not surroundings.consent.placements:
        return Refusal(moment, PermissionRule.NO_CONSENT, "The resident has not agreed to placements.")
    if fmt is None:
        rules = [
            rule for rule in surroundings.moments if rule.kind is moment.kind and rule.topic in {"", moment.topic}
        ]
        rules.sort(key=lambda rule: not rule.topic)
        fmt = rules[0].format if rules else None
    limit = next((limit for limit in surroundings.formats if limit.format is fmt), None)
    if limit is None:
        return Refusal(moment, PermissionRule.MOMENT_NOT_OFFERED, "This device offers nothing at this moment.")
    return Slot(
        id=f"{limit.format}-{now:%Y%m%dT%H%M%S%f}",
        format=limit.format,
        moment=moment,
        opens_at=now,
        max_dur=limit.max_dur if max_dur is None else min(max_dur, limit.max_dur),
        mime=limit.mime,
        w=limit.w,
        h=limit.h,
        lang=surroundings.lang,
        inline=inline,
    )
