"""A sentence as JSON, for pages that say it in another language than English (pure). docs/http.md explains it."""

from datetime import timedelta
from typing import Any, TypedDict

from edge_agent.model.wording import Fact, Hours, Language, Said, Size, Term, Wall


class SaidView(TypedDict):
    """What a sentence is made of: the name of its wording, and its facts by name.

    A fact is a plain string (a name, or what somebody else wrote), a number, or an object with one key that says what
    it is: `term` (`format.boot_screen`), `wall` (`YYYY-MM-DDTHH:MM` on the device's own wall, with `style`),
    `length_s`, `size_bytes`, `hours` (pairs of `HH:MM`), `lang` (BCP 47) or `said` (a sentence within this one).
    """

    name: str
    facts: dict[str, Any]


def said_view(said: Said) -> SaidView:
    """Return the sentence as JSON."""
    return SaidView(name=said.name, facts={name: _fact_view(fact) for name, fact in said.facts.items()})


def _fact_view(fact: Fact) -> Any:
    view: Any = fact
    match fact:
        case timedelta():
            view = {"length_s": fact.total_seconds()}
        case Wall():
            view = {"wall": f"{fact.at:%Y-%m-%dT%H:%M}", "style": fact.style.value}
        case Term():
            view = {"term": f"{fact.group}.{fact.name}"}
        case Language():
            view = {"lang": fact.tag}
        case Hours():
            view = {"hours": [[f"{start:%H:%M}", f"{end:%H:%M}"] for start, end in fact.spans]}
        case Size():
            view = {"size_bytes": fact.size_bytes}
        case Said():
            view = {"said": said_view(fact)}
        case str() | int() | float():
            pass
    return view
