"""What time it is at least: no device's clock is believed when it is behind what was signed. Pure.

A device without a battery wakes up in 1970. Believing it would let expired metadata pass for fresh; refusing to work
would leave it dead until somebody sets the clock. So every signed metadata says when it was signed, and the newest of
those, or the date of this code, is the floor: expiry is judged at the later of clock and floor, and while the clock
is behind the floor it is not trusted with flights and dayparts. The floor rests on signatures alone and never on
the device's own past clock, since one visit to 2099 would poison it for good. A signature from the future would, too:
a new root undoes it (see `repository.verify`).
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

SIGNED_AT: Final = "x-edge-agent-signed-at"
"""Field of signed TUF metadata (TUF 1.0.33 section 4: unrecognised fields are kept): when it was signed, RFC 3339."""

CODE_DATE: Final = datetime(2026, 11, 1, tzinfo=UTC)
"""No clock that is before this code was written is right."""

TOLERANCE: Final = timedelta(minutes=10)
"""How far a healthy device's clock may be behind the operator's."""


def read_signed_at(fields: dict[str, Any], expires: datetime) -> datetime | None:
    """Return when metadata with these unrecognised fields was signed, or None where it does not say so.

    Metadata cannot be signed after it expires; such a claim is no claim.
    """
    value = fields.get(SIGNED_AT)
    if not isinstance(value, str):
        return None
    try:
        signed_at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return signed_at if signed_at.tzinfo is not None and signed_at <= expires else None


def write_signed_at(at: datetime) -> str:
    """Return the value of SIGNED_AT for that time; `read_signed_at` reads it back to the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def is_believable(now: datetime, floor: datetime) -> bool:
    """Whether a clock that shows `now` may be right, knowing that it is at least `floor`."""
    return now >= floor - TOLERANCE


def judge_expiry_at(now: datetime, floor: datetime) -> datetime:
    """Return the time at which expiry is judged: the clock's, but never before the floor."""
    return max(now, floor)
