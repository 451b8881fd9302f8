"""`edge-agent explain --packs`: what is on the shelf of the running agent, and what goes first when room is short."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import typer

from edge_agent.cli.agent_socket import running_agent
from edge_agent.cli.output import note, print_json, size

_LAST: Final = 2**31
_OF_PACKS: Final = frozenset({"manifest", "pack", "packs", "repository", "role", "shelf"})
"""How the subjects of such problems begin."""


def explain_packs(config: Path, socket: Path | None, *, as_json: bool) -> None:
    """Ask the running agent and print its answer."""
    shelf = running_agent(config, socket, "/v1/packs")
    problems = packs_problems(running_agent(config, socket, "/v1/state")["problems"])
    if as_json:
        in_place = in_order(shelf["packs"])
        print_json({"budget_bytes": shelf["budget_bytes"], "packs": in_place, "problems": problems})
        return
    lines = shelf_sentences(shelf["packs"])
    for line in [*lines, *problem_sentences(problems, lines)]:
        typer.echo(line)
    if shelf["packs"]:
        note(f"Packs may take {size(shelf['budget_bytes'])} on this device (packs.budget_bytes).")
    elif not problems:
        note("The shelf is empty: nothing was published to this device, or nothing has arrived yet.")


def packs_problems(problems: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return what does not work now and keeps packs away: the repository, a pack that was refused, the disk."""
    return [problem for problem in problems if problem["subject"].partition(" ")[0] in _OF_PACKS]


def problem_sentences(problems: Iterable[Mapping[str, Any]], said: Collection[str]) -> list[str]:
    """Return a line for each of them that none of the lines that were `said` tells already (pure)."""
    lines = []
    for problem in problems:
        subject, what = problem["subject"], problem["what"]
        if not any(what in line for line in said):
            named = what if subject.partition(" ")[2] in what else f"{subject}: {what}"
            lines.append(f"  - {named} {problem['next_step']}".rstrip())
    return lines


def in_order(packs: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the packs as they would go: what goes first, …, what stays, what has no room or asks for none."""
    return sorted(packs, key=lambda pack: ((pack["room"] or {}).get("place", 0) or _LAST, pack["name"]))


def shelf_sentences(packs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the shelf as lines of text (pure)."""
    lines = []
    for pack in in_order(packs):
        room = pack["room"]
        place = f"{room['place']}." if room and room["place"] else "-"
        state = "complete" if pack["complete"] else f"{pack['assets_present']} of {pack['assets']} files"
        lines.append(f"{place:>3} {pack['name']}, version {pack['version']}, {size(pack['size_bytes'])}, {state}")
        frees = f" {size(room['frees_bytes'])} would be free." if room and room["place"] else ""
        whys = [f"{room['why']}{frees}" if room else "", pack["reason"], *pack["revoked"].values()]
        lines += [f"    {why}" for why in dict.fromkeys(filter(None, whys))]
    return lines
