"""`edge-agent fleet …`: the operator's side. A first pack takes three commands: `keys init`, `new`, `publish`."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli import fleet_reports
from edge_agent.cli.output import JsonOption, note, print_json, print_table

if TYPE_CHECKING:
    from edge_agent.fleet.broker import BrokerAddress
    from edge_agent.fleet.publish import Progress, Sent
    from edge_agent.fleet.repository import FleetRepository

FLEET = Path("fleet")

FleetDir = Annotated[Path, typer.Option("--fleet-dir", help="The fleet's folder, as `fleet keys init` made it.")]
BrokerOption = Annotated[str, typer.Option("--broker", help="host or host:port of the broker.")]
RootOption = Annotated[str, typer.Option("--root", help="Topic root of the fleet.")]
TlsOption = Annotated[bool, typer.Option("--tls", help="Connect with TLS.")]
CaOption = Annotated[Path | None, typer.Option("--ca-file", help="Authority that signed the broker's certificate.")]
CredentialsOption = Annotated[
    Path | None, typer.Option("--credentials-file", help="A file that holds user:password.")
]

BROKER = "127.0.0.1:1883"
ROOT = "edge"


def register(app: typer.Typer) -> None:
    """Add the command group."""
    logging.getLogger("edge_agent.link").setLevel(logging.CRITICAL)  # what the link logs, these commands say
    fleet_app = typer.Typer(
        no_args_is_help=True, help="The operator's side: keys, publish, configure, collect, report."
    )
    keys_app = typer.Typer(no_args_is_help=True, help="Make the fleet's keys and the advertisers'.")
    keys_app.command("init")(keys_init)
    keys_app.command("add-advertiser")(keys_add_advertiser)
    keys_app.command("remove-advertiser")(keys_remove_advertiser)
    fleet_app.add_typer(keys_app, name="keys")
    fleet_app.command("root")(root_of_trust)
    fleet_app.command("new")(new)
    fleet_app.command("publish")(publish)
    fleet_app.command("revoke")(revoke)
    config_app = typer.Typer(no_args_is_help=True, help="Configure devices from afar.")
    config_app.command("push")(config_push)
    config_app.command("withdraw")(config_withdraw)
    fleet_app.add_typer(config_app, name="config")
    fleet_app.command("refresh")(refresh)
    fleet_app.command("status")(status)
    fleet_reports.register(fleet_app)
    app.add_typer(fleet_app, name="fleet")


def keys_init(
    directory: Annotated[Path, typer.Argument(help="The folder to make.")] = FLEET,
    classic: Annotated[
        bool, typer.Option("--x25519-reports", help="Make a report key for devices whose OpenSSL has no ML-KEM.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a fleet: its keys, the root.json that devices trust, and an empty signed repository."""
    from edge_agent.fleet.provision import create_fleet
    from edge_agent.measure.report_key import Kem

    create_fleet(directory, _now(), Kem.CLASSIC if classic else Kem.HYBRID)
    if as_json:
        print_json({"fleet_dir": str(directory), "root_json": str(directory / "root.json")})
        return
    note(f"Made {directory}: keys in {directory / 'keys'}, and {directory / 'root.json'} for your devices to trust.")
    note(f"Keep {directory / 'keys'} secret and backed up; keys/root.pem is best kept offline.")
    note("Next: edge-agent fleet new my-first-pack --advertiser NAME --poster picture.png")


def keys_add_advertiser(name: str, fleet_dir: FleetDir = FLEET, as_json: JsonOption = False) -> None:
    """Make a key for an advertiser, who may sign packs/NAME/… with it and nothing else."""
    from edge_agent.fleet.config import check_identifier
    from edge_agent.fleet.repository import FleetRepository

    fleet = FleetRepository.open(fleet_dir)
    with fleet.locked():
        fleet.add_advertiser(check_identifier("an advertiser", name))
        fleet.commit(_now())
    _say(f"{name} may now publish packs.", {"advertiser": name}, as_json=as_json)


def keys_remove_advertiser(
    name: str,
    fleet_dir: FleetDir = FLEET,
    broker: BrokerOption = BROKER,
    root: RootOption = ROOT,
    tls: TlsOption = False,
    ca_file: CaOption = None,
    credentials_file: CredentialsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the right to publish from an advertiser; everything of theirs leaves the devices."""
    from edge_agent.fleet.repository import FleetRepository

    fleet = FleetRepository.open(fleet_dir)
    with fleet.locked():
        fleet.remove_advertiser(name)
        fleet.commit(_now())
        sent = _send(fleet, _address(broker, root, tls, ca_file, credentials_file))
    _say(f"{name} may publish no more.", {"advertiser": name, "sent": asdict(sent)}, as_json=as_json)


def root_of_trust(
    out: Annotated[Path | None, typer.Option("--out", help="Where to write it; a folder or a file.")] = None,
    fleet_dir: FleetDir = FLEET,
    as_json: JsonOption = False,
) -> None:
    """Show or copy root.json, which every device gets when it is made and by which it believes all the rest."""
    from edge_agent.fleet.durable import write_durably
    from edge_agent.fleet.repository import FleetRepository

    FleetRepository.open(fleet_dir)
    path = fleet_dir / "root.json"
    if out is not None:
        target = out / "root.json" if out.is_dir() else out
        write_durably(target, path.read_bytes())
        path = target
    _say(f"{path}", {"root_json": str(path)}, as_json=as_json)


def new(
    folder: Annotated[Path, typer.Argument(help="The folder to make.")],
    advertiser: Annotated[str, typer.Option("--advertiser", help="Who it is from; gets a key if it has none.")],
    poster: Annotated[
        Path | None, typer.Option("--poster", help="A PNG or JPEG to show while the device idles.")
    ] = None,
    boot: Annotated[Path | None, typer.Option("--boot", help="A PNG or JPEG to show at power-on.")] = None,
    mention: Annotated[Path | None, typer.Option("--mention", help="A WAV to say after an answer.")] = None,
    text: Annotated[
        str, typer.Option("--text", help="What a person reads or hears, in words.")
    ] = "A few words about this.",
    fleet_dir: FleetDir = FLEET,
    as_json: JsonOption = False,
) -> None:
    """Begin a pack: a folder with a pack.toml to edit and your files beside it."""
    from edge_agent.fleet.config import check_identifier
    from edge_agent.fleet.new_pack import write_new_pack
    from edge_agent.fleet.repository import FleetRepository

    check_identifier("an advertiser", advertiser)
    fleet = FleetRepository.open(fleet_dir)
    given = {"idle_poster": poster, "boot_screen": boot, "voice_mention": mention}
    path = write_new_pack(folder, advertiser, text, {name: file for name, file in given.items() if file is not None})
    if advertiser not in fleet.advertisers:
        with fleet.locked():
            fleet.add_advertiser(advertiser)
            fleet.commit(_now())
        note(f"Made a key for {advertiser}.")
    _say(f"Made {path}. Look at it, then: edge-agent fleet publish {folder}", {"pack": str(path)}, as_json=as_json)


def publish(
    folder: Annotated[Path, typer.Argument(help="A folder with a pack.toml (docs/packs.md).")],
    fleet_dir: FleetDir = FLEET,
    broker: BrokerOption = BROKER,
    root: RootOption = ROOT,
    tls: TlsOption = False,
    ca_file: CaOption = None,
    credentials_file: CredentialsOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Send what the broker should have already, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Sign a pack and bring what the broker lacks of it there."""
    from edge_agent.fleet.publish import sign_pack
    from edge_agent.fleet.repository import FleetRepository

    fleet = FleetRepository.open(fleet_dir)
    address = _address(broker, root, tls, ca_file, credentials_file)
    with fleet.locked():
        with _progress() as progress:
            signed = sign_pack(fleet, folder, _now(), progress)
        for sentence in signed.assumed:
            note(f"Assumed: {sentence}")
        sent = _send(fleet, address, everything=everything)
    what = "Published" if signed.changed else "Nothing new in"
    _say(
        f"{what} {signed.name}, version {signed.version}: {_size(signed.total_bytes)} of assets, "
        f"{_size(sent.sent_bytes)} sent to {sent.broker}.",
        {"pack": asdict(signed), "sent": asdict(sent)},
        as_json=as_json,
    )


def revoke(
    pack: Annotated[str, typer.Argument(help="ADVERTISER/PACK, or PACK where only one has that name.")],
    fleet_dir: FleetDir = FLEET,
    broker: BrokerOption = BROKER,
    root: RootOption = ROOT,
    tls: TlsOption = False,
    ca_file: CaOption = None,
    credentials_file: CredentialsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a pack off every device."""
    from edge_agent.fleet.repository import FleetRepository
    from edge_agent.fleet.revoke import revoke_pack

    fleet = FleetRepository.open(fleet_dir)
    address = _address(broker, root, tls, ca_file, credentials_file)
    with fleet.locked():
        name = revoke_pack(fleet, pack, _now())
        sent = _send(fleet, address)
    _say(f"Revoked {name}.", {"pack": name, "sent": asdict(sent)}, as_json=as_json)


GroupOption = Annotated[str | None, typer.Option("--group", help="For the devices of this group.")]
DeviceOption = Annotated[str | None, typer.Option("--device", help="For this one device.")]
WholeFleet = Annotated[bool, typer.Option("--fleet", help="For every device.")]


def config_push(
    file: Annotated[Path, typer.Argument(help="TOML or JSON with sections as in agent.toml.")],
    whole_fleet: WholeFleet = False,
    group: GroupOption = None,
    device: DeviceOption = None,
    fleet_dir: FleetDir = FLEET,
    broker: BrokerOption = BROKER,
    root: RootOption = ROOT,
    tls: TlsOption = False,
    ca_file: CaOption = None,
    credentials_file: CredentialsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign a configuration and send it. Devices that it does not suit refuse it whole."""
    from edge_agent.fleet.config import push_config
    from edge_agent.fleet.repository import FleetRepository

    name = _config_name(whole_fleet, group, device)
    fleet = FleetRepository.open(fleet_dir)
    address = _address(broker, root, tls, ca_file, credentials_file)
    with fleet.locked():
        version = push_config(fleet, name, file, _now())
        sent = _send(fleet, address)
    _say(
        f"Published {name}, version {version}.",
        {"document": name, "version": version, "sent": asdict(sent)},
        as_json=as_json,
    )


def config_withdraw(
    whole_fleet: WholeFleet = False,
    group: GroupOption = None,
    device: DeviceOption = None,
    fleet_dir: FleetDir = FLEET,
    broker: BrokerOption = BROKER,
    root: RootOption = ROOT,
    tls: TlsOption = False,
    ca_file: CaOption = None,
    credentials_file: CredentialsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a configuration back."""
    from edge_agent.fleet.config import withdraw_config
    from edge_agent.fleet.repository import FleetRepository

    name = _config_name(whole_fleet, group, device)
    fleet = FleetRepository.open(fleet_dir)
    address = _address(broker, root, tls, ca_file, credentials_file)
    with fleet.locked():
        withdraw_config(fleet, name, _now())
        sent = _send(fleet, address)
    _say(f"Withdrew {name}.", {"document": name, "sent": asdict(sent)}, as_json=as_json)


def refresh(
    fleet_dir: FleetDir = FLEET,
    broker: BrokerOption = BROKER,
    root: RootOption = ROOT,
    tls: TlsOption = False,
    ca_file: CaOption = None,
    credentials_file: CredentialsOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Send what the broker should have already, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Sign the timestamp anew (and what else is about to expire) and send what the broker lacks. Good for cron."""
    from edge_agent.fleet.repository import FleetRepository

    fleet = FleetRepository.open(fleet_dir)
    address = _address(broker, root, tls, ca_file, credentials_file)
    with fleet.locked():
        fleet.renew(_now())
        fleet.commit(_now())
        sent = _send(fleet, address, everything=everything)
    until = fleet.timestamp.expires
    _say(f"Fresh until {until:%Y-%m-%d}.", {"expires": until.isoformat(), "sent": asdict(sent)}, as_json=as_json)


def status(fleet_dir: FleetDir = FLEET, as_json: JsonOption = False) -> None:
    """Show what is published, by whom, and until when the signatures are good."""
    from edge_agent.fleet.publish import manifests
    from edge_agent.fleet.repository import FleetRepository
    from edge_agent.packs.manifest import parse_target_name

    fleet = FleetRepository.open(fleet_dir)
    packs = list(manifests(fleet))
    documents = sorted(name for name in fleet.files if parse_target_name(name) is None)
    expirations = fleet.expirations()
    if as_json:
        print_json(
            {
                "version": fleet.timestamp.version,
                "advertisers": fleet.advertisers,
                "packs": [
                    {"name": pack.shelf_name, "version": pack.version, "bytes": pack.total_bytes, "kinds": pack.kinds}
                    for pack in packs
                ],
                "documents": documents,
                "expires": {role: at.isoformat() for role, at in sorted(expirations.items())},
            }
        )
        return
    rows = [
        (pack.shelf_name, pack.version, _size(pack.total_bytes), ", ".join(pack.kinds) or "every kind")
        for pack in packs
    ]
    print_table(f"{fleet_dir}, version {fleet.timestamp.version}", ("pack", "version", "assets", "devices"), rows)
    note(f"Advertisers: {', '.join(fleet.advertisers) or 'none yet'}. Documents: {', '.join(documents)}.")
    first = min(expirations, key=lambda role: expirations[role])
    note(
        f"The first signature to expire is the {first}'s, on {expirations[first]:%Y-%m-%d}: edge-agent fleet refresh"
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _say(sentence: str, value: object, *, as_json: bool) -> None:
    if as_json:
        print_json(value)
    else:
        typer.echo(sentence)


def _config_name(whole_fleet: bool, group: str | None, device: str | None) -> str:
    from edge_agent.fleet.config import config_target

    if sum([whole_fleet, group is not None, device is not None]) != 1:
        raise typer.BadParameter("say which devices: --fleet, --group NAME or --device ID")
    return config_target(group=group, device=device)


def _address(
    broker: str, root: str, tls: bool, ca_file: Path | None, credentials_file: Path | None
) -> "BrokerAddress":
    from edge_agent.fleet.broker import BrokerAddress, parse_broker

    host, port = parse_broker(broker, tls=tls)
    return BrokerAddress(host, port, root, tls, ca_file, credentials_file)


def _send(fleet: "FleetRepository", address: "BrokerAddress", *, everything: bool = False) -> "Sent":
    from edge_agent.fleet.publish import send

    with _progress() as progress:
        return asyncio.run(send(fleet, address, progress, everything=everything))


@contextmanager
def _progress() -> Iterator["Progress"]:
    """Show a bar on stderr while something takes long, where a person is watching."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what.capitalize(), total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield show


def _size(length: int) -> str:
    kib = 1024
    return (
        f"{length} B"
        if length < kib
        else f"{length / kib:.0f} KiB"
        if length < kib**2
        else f"{length / kib**2:.1f} MiB"
    )
