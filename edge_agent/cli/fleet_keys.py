"""`edge-agent fleet keys …` and `fleet root`: who may sign, and what devices trust."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.cli.fleet_options import (
    FLEET,
    Desk,
    FleetDir,
    at_the_desk,
    now,
    say,
)
from edge_agent.cli.output import JsonOption, note, print_json

AdvertiserName = Annotated[str, typer.Argument(help="The advertiser, as in a pack.toml.")]


def register(fleet_app: typer.Typer) -> None:
    """Add the commands to the fleet group."""
    keys_app = typer.Typer(no_args_is_help=True, help="Make and replace the fleet's keys and the advertisers'.")
    keys_app.command("init")(keys_init)
    keys_app.command("add-advertiser")(keys_add_advertiser)
    keys_app.command("remove-advertiser")(keys_remove_advertiser)
    keys_app.command("rotate")(keys_rotate)
    fleet_app.add_typer(keys_app, name="keys")
    fleet_app.command("root")(root_of_trust)


def keys_init(
    directory: Annotated[Path, typer.Argument(help="The folder to make.")] = FLEET,
    classic: Annotated[
        bool, typer.Option("--x25519-reports", help="Make a report key for devices whose OpenSSL has no ML-KEM.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a fleet: its keys and an empty signed repository.

    Its root.json is what devices trust.
    """
    from edge_agent.fleet.provision import create_fleet
    from edge_agent.measure.report_key import Kem

    create_fleet(directory, now(), Kem.CLASSIC if classic else Kem.HYBRID)
    if as_json:
        print_json({"fleet_dir": str(directory), "root_json": str(directory / "root.json")})
        return
    note(f"Made {directory}: keys in {directory / 'keys'}, and {directory / 'root.json'} for your devices to trust.")
    note(f"Keep {directory / 'keys'} secret and backed up; keys/root.pem is best kept offline.")
    note("Next: edge-agent fleet new my-first-pack --advertiser NAME --poster picture.png")


def keys_add_advertiser(name: AdvertiserName, fleet_dir: FleetDir = FLEET, as_json: JsonOption = False) -> None:
    """Make a key for an advertiser.

    It may sign packs/NAME/… and nothing else.
    """
    from edge_agent.fleet.config import check_identifier
    from edge_agent.fleet.repository import FleetRepository

    fleet = FleetRepository.open(fleet_dir)
    with fleet.locked():
        fleet.add_advertiser(check_identifier("an advertiser", name))
        fleet.commit(now())
    say(f"{name} may now publish packs.", {"advertiser": name}, as_json=as_json)


@at_the_desk
def keys_remove_advertiser(
    desk: Desk,
    name: AdvertiserName,
    as_json: JsonOption = False,
) -> None:
    """Take the right to publish from an advertiser.

    Everything of theirs leaves the devices.
    """
    desk.fleet.remove_advertiser(name)
    desk.fleet.commit(now())
    sent = desk.send()
    say(f"{name} may publish no more.", {"advertiser": name, "sent": asdict(sent)}, as_json=as_json)


@at_the_desk
def keys_rotate(
    desk: Desk,
    role: Annotated[str, typer.Argument(help="root, targets, snapshot, timestamp, config or advertiser-NAME.")],
    as_json: JsonOption = False,
) -> None:
    """Replace a key that is old or may be known to others.

    Devices follow by themselves.
    """
    from edge_agent.fleet.rotation import rotate_key

    rotate_key(desk.fleet, role, now())
    sent = desk.send()
    say(f"{role} has a new key.", {"role": role, "sent": asdict(sent)}, as_json=as_json)


def root_of_trust(
    out: Annotated[Path | None, typer.Option("--out", help="Where to write it; a folder or a file.")] = None,
    fleet_dir: FleetDir = FLEET,
    as_json: JsonOption = False,
) -> None:
    """Show or copy root.json, which every device trusts.

    A device gets it when it is made, and believes all the rest by it.
    """
    from edge_agent.fleet.durable import write_durably
    from edge_agent.fleet.repository import FleetRepository

    FleetRepository.open(fleet_dir)
    path = fleet_dir / "root.json"
    if out is not None:
        target = out / "root.json" if out.is_dir() else out
        write_durably(target, path.read_bytes())
        path = target
    say(f"{path}", {"root_json": str(path)}, as_json=as_json)
