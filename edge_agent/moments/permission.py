"""May anything be placed at this moment? The door of the room; pure.

`RULES` is the whole policy, read from top to bottom: what was agreed, what is possible, what would disturb, how much
is enough. The first rule that says no is the answer. No rule looks at what another one did.
"""

from datetime import datetime, timedelta
from typing import Final

from edge_agent.model.decision import PermissionRule, Refusal
from edge_agent.model.device import Surroundings
from edge_agent.model.formats import Format
from edge_agent.model.moment import Moment, MomentKind, Slot
from edge_agent.moments.question import Rule, ask
from edge_agent.moments.rules import (
    already_playing,
    call,
    clock,
    consent,
    daily_cap,
    do_not_disturb,
    format_off,
    hourly_cap,
    media_playing,
    min_spacing,
    offered,
    powered_off,
    quiet_hours,
)

RULES: Final[tuple[tuple[PermissionRule, Rule], ...]] = (
    (PermissionRule.NO_CONSENT, consent.refuse),
    (PermissionRule.CLOCK_NOT_SET, clock.refuse),
    (PermissionRule.MOMENT_NOT_OFFERED, offered.refuse),
    (PermissionRule.FORMAT_OFF, format_off.refuse),
    (PermissionRule.POWERED_OFF, powered_off.refuse),
    (PermissionRule.CALL_IN_PROGRESS, call.refuse),
    (PermissionRule.DO_NOT_DISTURB, do_not_disturb.refuse),
    (PermissionRule.QUIET_HOURS, quiet_hours.refuse),
    (PermissionRule.MEDIA_PLAYING, media_playing.refuse),
    (PermissionRule.ALREADY_PLAYING, already_playing.refuse),
    (PermissionRule.MIN_SPACING, min_spacing.refuse),
    (PermissionRule.HOURLY_CAP, hourly_cap.refuse),
    (PermissionRule.DAILY_CAP, daily_cap.refuse),
)


_KEEPS_SILENT: Final[tuple[Rule, ...]] = (
    powered_off.refuse,
    call.refuse,
    do_not_disturb.refuse,
    quiet_hours.refuse,
)


def may_sound(surroundings: Surroundings, now: datetime) -> bool:
    """Return whether the device may answer a wake phrase with a short sound. `now` must be aware (RuntimeError)."""
    question = ask(Moment(MomentKind.PHRASE_HEARD, now), surroundings, now, None)
    return all(refuse(question) is None for refuse in _KEEPS_SILENT)


def is_quiet(surroundings: Surroundings, now: datetime) -> bool:
    """Return whether quiet hours hold for what nobody asked for. `now` must be aware (RuntimeError)."""
    return quiet_hours.refuse(ask(Moment(MomentKind.IDLE, now), surroundings, now, None)) is not None


def look_for_quiet(surroundings: Surroundings, now: datetime) -> datetime | None:
    """Return when to look again whether it is quiet, so that no beginning is missed; None without quiet hours."""
    return quiet_hours.look_again(surroundings, now)


def permit(
    moment: Moment,
    surroundings: Surroundings,
    now: datetime,
    *,
    fmt: Format | None = None,
    max_dur: timedelta | None = None,
    inline: bool = False,
) -> Slot | Refusal:
    """Return an open slot, or the first permission rule that said no with one plain sentence.

    The format is the one that the device's software asked for (`fmt`), else the profile's for this moment. The slot
    is never longer than the device allows, nor than `max_dur`. `now` must be aware (RuntimeError). Equal arguments
    give equal answers.
    """
    question = ask(moment, surroundings, now, fmt)
    for rule, refuse in RULES:
        if (why := refuse(question)) is not None:
            return Refusal(moment, rule, why)
    limit = question.limit
    if limit is None:
        raise RuntimeError("the rule `offered` let a moment pass that has no format")
    return Slot(
        id=f"{limit.format}-{question.now:%Y%m%dT%H%M%S%f}",
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
