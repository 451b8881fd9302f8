"""What a check of a pack finds: one sentence with what to do, for a person and for a program."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """An error would fail on devices; a warning is worth a look."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` names the rule and never changes; `where` names a creative, line item or file; empty: the pack."""

    level: Level
    code: str
    where: str
    message: str
    next_step: str

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.message} {self.next_step}"


def error(code: str, where: str, message: str, next_step: str) -> Finding:
    """Return a finding that would fail."""
    return Finding(Level.ERROR, code, where, message, next_step)


def warning(code: str, where: str, message: str, next_step: str) -> Finding:
    """Return a finding that is worth a look."""
    return Finding(Level.WARNING, code, where, message, next_step)
