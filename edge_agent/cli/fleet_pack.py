"""`edge-agent fleet pack …`: begin a pack, look at it, make it into one file. No broker is needed for that."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.cli.fleet_options import FLEET, FleetDir, now, progress_bar, say, size
from edge_agent.cli.output import JsonOption, note, print_json

PackFolderArgument = Annotated[Path, typer.Argument(help="A folder with a pack.toml (docs/packs.md).")]
AdvertiserDir = Annotated[
    Path | None, typer.Option("--advertiser-dir", help="Your folder, as `fleet keys new-advertiser` made it.")
]
OwnFolder = Annotated[
    Path, typer.Option("--advertiser-dir", help="Your folder, as `fleet keys new-advertiser` made it.")
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Where to write it.")]


def register(fleet_app: typer.Typer) -> None:
    """Add the commands to the fleet group. `fleet new` is what `fleet pack new` was first called."""
    pack_app = typer.Typer(no_args_is_help=True, help="Begin, check, look at, build and sign packs.")
    for name, command in (
        ("new", new),
        ("build", build),
        ("sign", sign),
        ("withdraw", withdraw),
        ("schema", schema),
    ):
        pack_app.command(name)(command)
    fleet_app.add_typer(pack_app, name="pack")
    fleet_app.command("new", hidden=True)(new)


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
    """Begin a pack: a folder with a pack.toml and your files.

    Where there is a fleet's folder, the advertiser gets a key in it; an advertiser's own computer has none.
    """
    from edge_agent.fleet.config import check_identifier
    from edge_agent.fleet.new_pack import write_new_pack
    from edge_agent.fleet.repository import FleetRepository

    check_identifier("an advertiser", advertiser)
    fleet = FleetRepository.open(fleet_dir) if fleet_dir.is_dir() else None
    given = {"idle_poster": poster, "boot_screen": boot, "voice_mention": mention}
    path = write_new_pack(folder, advertiser, text, {name: file for name, file in given.items() if file is not None})
    if fleet is not None and advertiser not in fleet.advertisers:
        with fleet.locked():
            fleet.add_advertiser(advertiser)
            fleet.commit(now())
        note(f"Made a key for {advertiser}.")
    after = "publish" if fleet is not None else "pack build"
    say(f"Made {path}. Look at it, then: edge-agent fleet {after} {folder}", {"pack": str(path)}, as_json=as_json)


def build(
    folder: PackFolderArgument,
    advertiser_dir: AdvertiserDir = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a pack into one file: signed with your own key, or ready to sign without one.

    The same folder makes the same bytes on the same day; SOURCE_DATE_EPOCH sets the day.
    """
    from edge_agent.fleet.advertiser import AdvertiserFolder
    from edge_agent.fleet.handover import build_signed, build_unsigned

    path = out or Path(f"{folder.resolve().name}.bundle")
    with progress_bar() as progress:
        if advertiser_dir is None:
            built = build_unsigned(folder, path, now(), progress)
        else:
            built = build_signed(AdvertiserFolder.open(advertiser_dir), folder, path, now(), progress)
    for sentence in built.assumed:
        note(f"Assumed: {sentence}")
    what = "ready to sign" if advertiser_dir is None else "signed"
    say(
        f"Wrote {path}: {built.name}, version {built.version}, {size(built.total_bytes)} of assets, {what}.",
        {"bundle": str(path), "signed": advertiser_dir is not None, "pack": asdict(built)},
        as_json=as_json,
    )


def sign(
    bundle: Annotated[Path, typer.Argument(help="A file that pack build wrote.")],
    advertiser_dir: OwnFolder,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign a pack that was built elsewhere, or sign along where several of you have to."""
    from edge_agent.fleet.advertiser import AdvertiserFolder
    from edge_agent.fleet.handover import sign_bundle

    packs = sign_bundle(AdvertiserFolder.open(advertiser_dir), bundle, out or bundle, now())
    say(
        f"Signed {', '.join(packs) or 'that nothing stands'} in {out or bundle}.",
        {"bundle": str(out or bundle), "packs": packs},
        as_json=as_json,
    )


def withdraw(
    pack: Annotated[str, typer.Argument(help="The pack's name.")],
    advertiser_dir: OwnFolder,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take one of your packs back: writes a file that removes it from every device once the operator publishes it."""
    from edge_agent.fleet.advertiser import AdvertiserFolder
    from edge_agent.fleet.handover import write_signed
    from edge_agent.packs.manifest import pack_target_name

    folder = AdvertiserFolder.open(advertiser_dir)
    folder.remove(pack_target_name(folder.name, pack.removeprefix(f"{folder.name}/")))
    folder.commit(now())
    path = out or Path(f"{folder.name}.bundle")
    write_signed(folder, path)
    say(
        f"Wrote {path}, which withdraws {pack}.",
        {"bundle": str(path), "withdrawn": pack},
        as_json=as_json,
    )


def schema(
    written: Annotated[
        bool, typer.Option("--written", help="Of the pack.toml that a person writes, not of what travels.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the pack format as JSON Schema."""
    from edge_agent.fleet.pack_schema import document, manifest_schema, written_schema

    found = written_schema() if written else manifest_schema()
    if as_json:
        print_json(found)
    else:
        typer.echo(document(found), nl=False)
