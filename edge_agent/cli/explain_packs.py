"""`edge-agent explain --packs`: what is on the shelf of the running agent, and what goes first when room is short."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import typer

from edge_agent.cli.agent_socket import running_agent
from edge_agent.cli.output import note, print_json, size

_LAST: Final = 2**31


def explain_packs(config: Path, socket: Path | None, *, as_json: bool) -> None:
    """Ask the running agent and print its answer."""
    shelf = running_agent(config, socket, "/v1/packs")
    if as_json:
        print_json({"budget_bytes": shelf["budget_bytes"], "packs": in_order(shelf["packs"])})
        return
    if not shelf["packs"]:
        note("The shelf is empty: nothing was published to this device, or nothing has arrived yet.")
        return
    for line in shelf_sentences(shelf["packs"]):
        typer.echo(line)
    note(f"Packs may take {size(shelf['budget_bytes'])} on this device (packs.budget_bytes).")


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
