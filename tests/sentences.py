"""Sentences for tests: some that say anything, and every one that the code has."""

import ast
import inspect
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Final

import edge_agent
from edge_agent.model import errors
from edge_agent.model.wording import Fact, Hours, Language, Said, Size, Term, Wall, WallStyle, Wording

CODE: Final = Path(edge_agent.__file__).parent
ERRORS: Final = tuple(
    one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, errors.EdgeAgentError)
)

_AT: Final = datetime(2026, 11, 22, 15, 4, tzinfo=UTC)
_FACTS: Final[dict[str, Fact]] = {
    **dict.fromkeys(("free", "until", "now"), Wall(_AT, WallStyle.DAY_TIME)),
    **dict.fromkeys(("start", "end"), Wall(_AT, WallStyle.DATE_TIME)),
    "date": Wall(_AT, WallStyle.DATE),
    "format": Term("format", "boot_screen"),
    "moment": Term("moment", "assistant_answered"),
    "topic": Term("topic", "weather"),
    "scope": Term("scope", "line_item"),
    "kind": Term("device", "tv"),
    **dict.fromkeys(("lang", "home"), Language("fr")),
    "hours": Hours(((time(9), time(12)), (time(18), time(20, 30)))),
    "window": timedelta(hours=36),
    **dict.fromkeys(("size", "needed", "budget"), Size(5 * 2**20 + 1)),
    **dict.fromkeys(("length_s", "slot_s"), 7.5),
    **dict.fromkeys(("most", "count", "goal", "winner", "own", "weight", "total", "days", "within_ms"), 1920),
    **dict.fromkeys(("w", "h", "slot_w", "slot_h"), 1920),
    **dict.fromkeys(("name", "pack", "asset", "mime", "category", "advertiser", "campaign", "link", "kinds"), "甲"),
    "reason": Wording("room.now", "it plays now")(),
    "text": "It failed.",
}
"""A fact for each place in a wording, of the type that its rule gives; names are Chinese, so that English shows."""


def said(text: str) -> Said:
    """Return a sentence without facts that says `text`."""
    return Wording("test", "{text}")(text=text)


def wordings() -> Iterator[Wording]:
    """Yield every wording that is written in the code, as often as it is."""
    for path in sorted(CODE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name("Wording"), args=[ast.Constant(str(name)), ast.Constant(str(english))]):
                    yield Wording(name, english)
                case ast.Call(func=ast.Name("Wording")) if path.name != "errors.py":
                    raise AssertionError(f"{path}:{node.lineno}: a wording is written down, not worked out")


def everything_said() -> tuple[Said, ...]:
    """Return every sentence that the agent can say, with facts; of failures one for each sort."""
    failures = (Wording(f"trouble.{error.kind()}", "{text}") for error in ERRORS)
    return tuple(one(**{fact: _FACTS[fact] for fact in one.placeholders}) for one in (*wordings(), *failures))
