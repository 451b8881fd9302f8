"""`edge-agent fleet keys …`: who may sign. `fleet_roots` has what is about the root, `fleet_own_keys` new keys."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.cli import fleet_own_keys, fleet_roots
from edge_agent.cli.fleet_options import FLEET, Desk, FleetDir, KeysOption, at_the_desk, now, say
from edge_agent.cli.fleet_own_keys import AdvertiserName
from edge_agent.cli.fleet_roots import ProposeOption, say_proposed
from edge_agent.cli.output import JsonOption, counted, note, print_json, print_table

RoleName = Annotated[str, typer.Argument(help="root, targets, snapshot, timestamp, config or advertiser-NAME.")]


def register(fleet_app: typer.Typer) -> None:
    """Add the commands to the fleet group."""
    keys_app = typer.Typer(no_args_is_help=True, help="Make and replace the fleet's keys and the advertisers'.")
    keys_app.command("init")(keys_init)
    keys_app.command("add-advertiser")(keys_add_advertiser)
    keys_app.command("remove-advertiser")(keys_remove_advertiser)
    fleet_own_keys.register(keys_app)
    keys_app.command("rotate")(keys_rotate)
    keys_app.command("add")(keys_add)
    keys_app.command("drop")(keys_drop)
    keys_app.command("threshold")(keys_threshold)
    keys_app.command("status")(keys_status)
    fleet_app.add_typer(keys_app, name="keys")
    fleet_roots.register(fleet_app, keys_app)


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
    note("Next: edge-agent fleet pack new my-first-pack --advertiser NAME --poster picture.png")


def keys_add_advertiser(
    name: AdvertiserName,
    public_keys: Annotated[
        list[Path] | None,
        typer.Option("--public-key", help="The advertiser's own .pub file; several may be named."),
    ] = None,
    threshold: Annotated[int, typer.Option(min=1, help="How many of those keys have to sign together.")] = 1,
    fleet_dir: FleetDir = FLEET,
    keys: KeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let an advertiser sign packs/NAME/… and nothing else.

    With its own public key, it alone can; without one, a key is made in the fleet's folder.
    """
    from edge_agent.fleet.signing.config import check_advertiser
    from edge_agent.fleet.signing.keys import read_public_key
    from edge_agent.fleet.signing.repository import FleetRepository

    check_advertiser(name)
    own = [read_public_key(path) for path in public_keys or ()]
    with FleetRepository.locked(fleet_dir) as fleet:
        fleet.keys.others = tuple(keys or ())
        fleet.add_advertiser(name, own, threshold)
        fleet.commit(now())
    say(
        f"{name} may now publish packs{' that it signs itself' if own else ''}.",
        {"advertiser": name, "signs_itself": bool(own), "threshold": threshold},
        as_json=as_json,
    )


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
    sent = desk.send(urgent=True)
    say(f"{name} may publish no more.", {"advertiser": name, "sent": asdict(sent)}, as_json=as_json)


def _change(
    desk: Desk,
    change: Callable[[], None],
    sentence: str,
    value: dict[str, object],
    *,
    propose: bool = False,
    as_json: bool,
) -> None:
    """Change who may sign, and send it; a proposal is only written."""
    change()
    if propose:
        say_proposed(desk.fleet.directory, as_json=as_json)
        return
    sent = desk.send(urgent=True)
    say(sentence, value | {"sent": asdict(sent)}, as_json=as_json)


@at_the_desk
def keys_rotate(
    desk: Desk,
    role: Annotated[str, typer.Argument(help="As for keys add, or reports: what opens reports.")],
    propose: ProposeOption = False,
    classic: Annotated[
        bool | None,
        typer.Option("--x25519/--ml-kem", help="Of reports: what devices compute with.  [default: as before]"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Replace a key that is old or may be known to others.

    Devices follow by themselves. What was sealed to an old key of reports still opens.
    """
    from edge_agent.fleet.reports.key_folder import REPORTS, rotate_report_key
    from edge_agent.fleet.signing.rotation import rotate_key
    from edge_agent.measure.report_key import Kem
    from edge_agent.model.errors import SettingsError

    def change() -> None:
        if role == REPORTS and propose:
            raise SettingsError("The root says nothing about reports.", "Leave --propose out.")
        if role == REPORTS:
            rotate_report_key(desk.fleet, now(), {None: None, True: Kem.CLASSIC, False: Kem.HYBRID}[classic])
            return
        if classic is not None:
            raise SettingsError(f"{role} signs with Ed25519.", "Leave --x25519 and --ml-kem out.")
        rotate_key(desk.fleet, role, now(), propose=propose)

    _change(
        desk,
        change,
        f"{role} has a new key.",
        {"role": role},
        propose=propose,
        as_json=as_json,
    )


@at_the_desk
def keys_add(
    desk: Desk,
    role: RoleName,
    public_key: Annotated[Path, typer.Option("--public-key", help="The .pub file of the key.")],
    propose: ProposeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let one more key sign for a role."""
    from edge_agent.fleet.signing.keys import read_public_key
    from edge_agent.fleet.signing.root_proposal import SHOWN_LETTERS
    from edge_agent.fleet.signing.rotation import change_keys

    added = read_public_key(public_key)
    _change(
        desk,
        lambda: change_keys(desk.fleet, role, now(), add=added, propose=propose),
        f"{role} has one more key, {added.keyid[:SHOWN_LETTERS]}.",
        {"role": role, "key": added.keyid},
        propose=propose,
        as_json=as_json,
    )


@at_the_desk
def keys_drop(
    desk: Desk,
    role: RoleName,
    key: Annotated[str, typer.Argument(help="The beginning of the key's id, as keys status shows it.")],
    propose: ProposeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let one key sign for a role no more."""
    from edge_agent.fleet.signing.rotation import change_keys

    _change(
        desk,
        lambda: change_keys(desk.fleet, role, now(), drop=key, propose=propose),
        f"{role} has one key less.",
        {"role": role},
        propose=propose,
        as_json=as_json,
    )


@at_the_desk
def keys_threshold(
    desk: Desk,
    role: RoleName,
    threshold: Annotated[int, typer.Argument(min=1, help="How many keys have to sign together.")],
    propose: ProposeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Ask for more signatures of a role, or fewer."""
    from edge_agent.fleet.signing.rotation import change_keys

    _change(
        desk,
        lambda: change_keys(desk.fleet, role, now(), threshold=threshold, propose=propose),
        f"{role} needs {counted(threshold, 'signature')}.",
        {"role": role, "threshold": threshold},
        propose=propose,
        as_json=as_json,
    )


def keys_status(fleet_dir: FleetDir = FLEET, keys: KeysOption = None, as_json: JsonOption = False) -> None:
    """Show who holds which key, how many have to sign, and until when signatures are good."""
    from edge_agent.fleet.key_status import role_statuses
    from edge_agent.fleet.signing.repository import FleetRepository
    from edge_agent.fleet.signing.root_proposal import SHOWN_LETTERS

    fleet = FleetRepository.open(fleet_dir)
    fleet.keys.others = tuple(keys or ())
    found = role_statuses(fleet, now())
    if as_json:
        print_json([asdict(status) for status in found])
        return
    rows = [
        (
            status.role,
            f"{status.threshold} of {len(status.keys)}",
            ", ".join(f"{key.keyid[:SHOWN_LETTERS]} {'here' if key.is_here else 'elsewhere'}" for key in status.keys),
            "never signed" if status.days_left is None else f"{status.days_left} days",
        )
        for status in found
    ]
    print_table(str(fleet_dir), ("role", "signatures", "keys", "good for"), rows)
    for sentence in (one for status in found for one in (status.next_step, status.proposal)):
        if sentence:
            note(sentence)
