"""`edge-agent fleet catch-up`: bring a folder that was restored from an older backup up to what the broker holds."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli.fleet_options import Desk, at_the_desk, now, quiet_link, say
from edge_agent.cli.output import JsonOption, counted, note, print_table, progress_bar, size

if TYPE_CHECKING:
    from edge_agent.fleet.key_status import RoleStatus
    from edge_agent.fleet.publishing.catch_up import CaughtUp


def register(fleet_app: typer.Typer) -> None:
    """Add the command to the fleet group."""
    fleet_app.command("catch-up")(catch_up)


@at_the_desk
def catch_up(
    desk: Desk,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what is newer there; write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring a folder from an older backup up to what the broker holds.

    What the broker holds is verified from this folder's root on; then the next publish goes on from there. Nothing is
    sent. What only this folder has is named, and kept.
    """
    from edge_agent.fleet.key_status import role_statuses
    from edge_agent.fleet.publishing.catch_up import catch_up
    from edge_agent.fleet.signing.repository import FleetRepository
    from edge_agent.model.errors import StorageError

    had: list[RoleStatus] = []
    with suppress(StorageError):  # a folder that lost its documents gets them back
        had = role_statuses(desk.fleet, now())
    with quiet_link(), progress_bar() as progress:
        found = asyncio.run(catch_up(desk.fleet, desk.address, now(), progress, dry_run=dry_run))
    after = FleetRepository.open(desk.fleet.directory)
    after.keys.others = desk.fleet.keys.others
    has = _signable(role_statuses(after, now()))
    lost = [role for role in _signable(had) if role not in has]
    if not as_json and found.differences:
        rows = [(one.what, _shown(one.here), _shown(one.there)) for one in found.differences]
        print_table(f"What {found.broker} holds", ("what", "here", "there"), rows)
    say(caught_up_said(found, dry_run=dry_run), asdict(found) | {"keys_missing": lost}, as_json=as_json)
    for sentence in what_is_left(found, lost):
        note(sentence)


def caught_up_said(found: "CaughtUp", *, dry_run: bool) -> str:
    """Return what was taken over, in one sentence (pure)."""
    parts = f" {size(found.taken_bytes)} of assets were fetched." if found.taken_bytes else ""
    if not found.differences:
        return f"The broker holds nothing newer than this folder, version {found.before}.{parts}"
    if dry_run:
        return f"Version {found.version} would follow {found.before}; without --dry-run it is taken over."
    return f"Took over version {found.version} in place of {found.before}; publish goes on from there.{parts}"


def what_is_left(found: "CaughtUp", keys: "list[str]") -> Iterator[str]:
    """Yield a sentence for each thing that a person has to see to (pure)."""
    if found.only_here:
        where = f" Its metadata is in {found.set_aside}." if found.set_aside else ""
        yield (
            f"Here and not there (never sent, or taken back since): {', '.join(found.only_here)}. "
            f"What should stand is to be published, pushed or revoked again.{where}"
        )
    for name, count in sorted(found.lacking.items()):
        yield (
            f"{counted(count, 'part')} of {name} are neither here nor on the broker: publish it again; where they "
            "are on mirrors, name their folder: edge-agent fleet mirror --mirror-folder DIR --assets-on mirror"
        )
    for key in keys:
        step = "without it no other can be replaced" if key == "root" else f"edge-agent fleet keys rotate {key}"
        yield f"The key of {key} was replaced since this backup: {step}"


def _signable(roles: "list[RoleStatus]") -> list[str]:
    """Return what the keys here sign, in the order in which they can be replaced: each needs those before it."""
    first = ("root", "timestamp", "snapshot", "targets")
    found = [one.role for one in roles if sum(key.is_here for key in one.keys) >= one.threshold]
    return sorted(found, key=lambda role: first.index(role) if role in first else len(first))


def _shown(version: int | None) -> str:
    return "" if version is None else str(version or "is there")
