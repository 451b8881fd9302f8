"""`edge-agent fleet status` and `fleet gc`: what is published and held, how devices are, and what may go."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.cli.fleet_options import (
    FLEET,
    ROOT,
    CaOption,
    CredentialsOption,
    Desk,
    FleetDir,
    MqttVersion,
    ProtocolOption,
    RootOption,
    TlsOption,
    address_of,
    at_the_desk,
    quiet_link,
    say,
)
from edge_agent.cli.output import JsonOption, counted, note, print_json, print_table, progress_bar, size

if TYPE_CHECKING:
    from edge_agent.fleet.publishing.broker import BrokerAddress
    from edge_agent.fleet.publishing.oversight import DeviceReport, Oversight
    from edge_agent.fleet.signing.repository import FleetRepository


def register(fleet_app: typer.Typer) -> None:
    """Add the commands to the fleet group."""
    fleet_app.command("status")(status)
    fleet_app.command("gc")(gc)


def status(
    fleet_dir: FleetDir = FLEET,
    broker: Annotated[
        str | None, typer.Option("--broker", help="Ask this broker, too: what it holds, and what devices report.")
    ] = None,
    root: RootOption = ROOT,
    tls: TlsOption = False,
    ca_file: CaOption = None,
    credentials_file: CredentialsOption = None,
    protocol: ProtocolOption = MqttVersion.AUTO,
    everything: Annotated[bool, typer.Option("--all", help="Read every part of every pack back, too.")] = False,
    device: Annotated[
        list[str] | None,
        typer.Option("--device", help="Ask for this device alone, by its exact topic; may be repeated."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is published, until when signatures are good, and how devices are."""
    from edge_agent.fleet.signing.repository import FleetRepository

    fleet = FleetRepository.open(fleet_dir)
    published = _published(fleet)
    seen = None
    if broker is not None:
        address = address_of(fleet_dir, broker, root, tls, ca_file, credentials_file, protocol)
        seen = _look(fleet, address, everything=everything, named=device or ())
    if as_json:
        print_json(published | {"broker": None if seen is None else _oversight_document(seen)})
        return
    _print_published(fleet_dir, published)
    if seen is None:
        note("With --broker HOST it says what that holds, and how devices are.")
    else:
        _print_oversight(seen)


def _published(fleet: "FleetRepository") -> dict[str, Any]:
    from edge_agent.fleet.signing.deny_list import denied
    from edge_agent.fleet.signing.signed_packs import manifests
    from edge_agent.packs.formats.manifest import parse_target_name

    return {
        "version": fleet.timestamp.version,
        "advertisers": fleet.advertisers,
        "packs": [
            {"name": pack.shelf_name, "version": pack.version, "bytes": pack.total_bytes, "kinds": pack.kinds}
            for pack in manifests(fleet)
        ],
        "documents": sorted(name for name in fleet.files if parse_target_name(name) is None),
        "revoked": {name: why.reason for name, why in sorted(denied(fleet).revoked.items())},
        "expires": {role: at.isoformat() for role, at in sorted(fleet.expirations().items())},
        "mirrors": _mirrors_document(fleet),
    }


def _mirrors_document(fleet: "FleetRepository") -> dict[str, Any]:
    """Return where assets are, how many belong into the mirrors' folder, and how many of those it lacks."""
    from edge_agent.fleet.publishing.mirror_folder import mirrored_assets, missing_files, read_choice
    from edge_agent.fleet.publishing.mirroring import signed_parcels

    choice = read_choice(fleet.directory)
    assets = mirrored_assets(signed_parcels(fleet), choice)
    return choice.model_dump(mode="json") | {"assets": len(assets), "missing": len(missing_files(choice, assets))}


def _print_published(fleet_dir: Path, published: Mapping[str, Any]) -> None:
    rows = [
        (pack["name"], pack["version"], size(pack["bytes"]), ", ".join(pack["kinds"]) or "every kind")
        for pack in published["packs"]
    ]
    print_table(f"{fleet_dir}, version {published['version']}", ("pack", "version", "assets", "devices"), rows)
    advertisers = ", ".join(published["advertisers"]) or "none yet"
    note(f"Advertisers: {advertisers}. Documents: {', '.join(published['documents'])}.")
    if published["revoked"]:
        each = [f"{name} ({reason})" if reason else name for name, reason in published["revoked"].items()]
        note(f"Revoked until it is lifted: {', '.join(each)}.")
    first, at = min(published["expires"].items(), key=lambda item: datetime.fromisoformat(item[1]))
    note(f"The first signature to expire is the {first}'s, on {at[:10]}: edge-agent fleet refresh")
    mirrors = published["mirrors"]
    if mirrors["assets_on"] != "broker":
        missing = mirrors["missing"]
        lacks = f"and lacks {missing} of them: edge-agent fleet mirror" if missing else "and has them all"
        belong = f"{counted(mirrors['assets'], 'asset')} for mirrors ({mirrors['assets_on']})"
        note(f"{belong}; {mirrors['folder']} is their folder, {lacks}")


def _look(
    fleet: "FleetRepository", address: "BrokerAddress", *, everything: bool, named: Sequence[str]
) -> "Oversight":
    import asyncio

    from edge_agent.fleet.publishing.oversight import look

    with quiet_link(), progress_bar(of_bytes=False) as progress:
        return asyncio.run(look(fleet, address, progress, chunks=everything, named=named))


def _oversight_document(seen: "Oversight") -> dict[str, object]:
    devices = [
        {
            "device_id": device.device_id,
            "behind": device.behind,
            "state": None if device.state is None else device.state.model_dump(mode="json", exclude_none=True),
        }
        for device in seen.devices
    ]
    return asdict(seen) | {"devices": devices}


def _print_oversight(seen: "Oversight") -> None:
    if seen.devices:
        print_table(
            f"Devices on {seen.broker}", ("device", "health", "agent", "packs", "problems"), device_rows(seen.devices)
        )
    note(devices_said(seen.devices))
    note(broker_said(seen))


def device_rows(devices: "Iterable[DeviceReport]") -> list[tuple[str, str, str, str, str]]:
    """Return a line of a table for each device, those that somebody should look at first (pure)."""
    rows = []
    for device in sorted(devices, key=lambda device: (_urgency(device), device.device_id)):
        state = device.state
        if state is None:
            rows.append((device.device_id, "cannot be read", "", "", "Update the agent, or this command."))
            continue
        problems = list(state.problems)
        if state.config is not None and state.config.reason:
            problems.append(f"Configuration {state.config.version} is not used: {state.config.reason}")
        packs = (
            ""
            if device.behind is None
            else "newest"
            if not device.behind
            else f"{counted(device.behind, 'version')} behind"
        )
        rows.append((device.device_id, _health(device), state.version, packs, " ".join(problems)))
    return rows


def devices_said(devices: "Sequence[DeviceReport]") -> str:
    """Return how the devices are, in one sentence (pure)."""
    if not devices:
        return (
            "No device has reported to this broker yet, or it hands out what it keeps to exact topics only: "
            "then name each with --device."
        )
    found = Counter(_health(device) for device in sorted(devices, key=_urgency))
    behind = sum(1 for device in devices if device.behind)
    parts = [f"{count} {health}" for health, count in found.items()]
    how_many = counted(len(devices), "device")
    late = f"; {behind} without the newest packs" if behind else ""
    return f"{how_many}: {', '.join(parts)}{late}."


def broker_said(seen: "Oversight") -> str:
    """Return what the broker holds, in one or two sentences with the next step (pure)."""
    if seen.problem:
        return seen.problem
    lost = f"lacks {len(seen.missing)} of the {seen.parts_seen} parts that were looked at" if seen.missing else ""
    old = "" if seen.is_current else "does not hold this folder's newest version"
    if lost or old:
        what = " and ".join(filter(None, (old, lost)))
        return f"The broker {what}. Send it: edge-agent fleet refresh{' --all' if lost else ''}"
    return f"The broker holds this version; the {seen.parts_seen} parts that were looked at are there."


def _health(device: "DeviceReport") -> str:
    state = device.state
    return "cannot be read" if state is None else "off" if not state.online else (state.health or "not said")


def _urgency(device: "DeviceReport") -> int:
    order = ["cannot be read", "degraded", "not said", "off", "ok"]
    return order.index(_health(device)) if not device.behind else 1


@at_the_desk
def gc(
    desk: Desk,
    keep: Annotated[int, typer.Option("--keep", min=0, help="Versions before the current ones to keep here.")] = 1,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without this, it is only counted.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove what no version of a pack needs any more, from the folder and from the broker."""
    import asyncio

    from edge_agent.fleet.publishing.garbage import find_garbage, remove_garbage

    garbage = find_garbage(desk.fleet, desk.address, keep)
    if yes:
        with quiet_link(), progress_bar(of_bytes=False) as progress:
            asyncio.run(remove_garbage(desk.fleet, desk.address, garbage, progress))
    files, parts = counted(len(garbage.files), "file"), counted(len(garbage.topics), "part")
    what = f"{files} ({size(garbage.bytes)}) and up to {parts} on the broker"
    if not garbage.files and not garbage.topics:
        sentence = "There is nothing to remove."
    else:
        sentence = f"Removed {what}." if yes else f"Could remove {what}: edge-agent fleet gc --yes"
    say(
        sentence,
        {
            "removed": yes,
            "files": [path.name for path in garbage.files],
            "bytes": garbage.bytes,
            "topics": garbage.topics,
        },
        as_json=as_json,
    )
