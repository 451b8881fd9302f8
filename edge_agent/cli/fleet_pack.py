"""`edge-agent fleet pack …`: begin a pack, look at it, make it into one file. No broker is needed for that."""

import shlex
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli.fleet_options import FLEET, FleetDir, KeysOption, now, say
from edge_agent.cli.fleet_words import hearing
from edge_agent.cli.output import JsonOption, counted, note, print_json, progress_bar, size

if TYPE_CHECKING:
    from edge_agent.fleet.authoring.finding import Finding
    from edge_agent.fleet.authoring.pack_folder import PackFolder
    from edge_agent.settings.profile import DeviceProfile

PackFolderArgument = Annotated[Path, typer.Argument(help="A folder with a pack.toml (edge-agent docs packs).")]
AdvertiserDir = Annotated[
    Path | None, typer.Option("--advertiser-dir", help="Your folder, as `fleet keys new-advertiser` made it.")
]
OwnFolder = Annotated[
    Path, typer.Option("--advertiser-dir", help="Your folder, as `fleet keys new-advertiser` made it.")
]
ProfilesOption = Annotated[
    list[str] | None,
    typer.Option("--profile", help="A device profile, by name or path; repeatable.  [default: all shipped ones]"),
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Where to write it.")]


def register(fleet_app: typer.Typer) -> None:
    """Add the commands to the fleet group."""
    pack_app = typer.Typer(no_args_is_help=True, help="Begin, check, look at, build and sign packs.")
    for name, command in (
        ("new", new),
        ("lint", lint),
        ("preview", preview),
        ("build", build),
        ("sign", sign),
        ("withdraw", withdraw),
        ("schema", schema),
    ):
        pack_app.command(name)(command)
    fleet_app.add_typer(pack_app, name="pack")


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
    keys: KeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Begin a pack: a folder with a pack.toml and your files.

    Where there is a fleet's folder, the advertiser gets a key in it; an advertiser's own computer has none.
    """
    from edge_agent.fleet.authoring.new_pack import write_new_pack
    from edge_agent.fleet.signing.authority import role_name
    from edge_agent.fleet.signing.config import check_advertiser
    from edge_agent.fleet.signing.repository import FleetRepository
    from edge_agent.model.errors import EdgeAgentError

    check_advertiser(advertiser)
    fleet = FleetRepository.open(fleet_dir) if fleet_dir.is_dir() else None
    given = {"idle_poster": poster, "boot_screen": boot, "voice_mention": mention}
    path = write_new_pack(folder, advertiser, text, {name: file for name, file in given.items() if file is not None})
    if fleet is not None and advertiser not in fleet.advertisers:
        try:
            with FleetRepository.locked(fleet_dir) as fleet:
                fleet.keys.others = tuple(keys or ())
                fleet.add_advertiser(advertiser)
                fleet.commit(now())
        except EdgeAgentError:
            shutil.rmtree(folder, ignore_errors=True)  # or the next try would find it there already
            raise
        note(f"Made a key for {advertiser}.")
    is_ours = fleet is not None and fleet.authority.can_sign(role_name(f"advertiser-{advertiser}"))
    after = f"{'publish' if is_ours else 'pack build'} {shlex.quote(str(folder))}"
    own = Path(advertiser)
    if not is_ours and (own / "advertiser.json").is_file():
        after += f" --advertiser-dir {own}"
    say(f"Made {path}. Look at it, then: edge-agent fleet {after}", {"pack": str(path)}, as_json=as_json)


def build(
    folder: PackFolderArgument,
    advertiser_dir: AdvertiserDir = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a pack into one file: signed with your own key, or ready to sign without one.

    The same folder makes the same bytes; where it has no line items and no key is named, on the same day.
    SOURCE_DATE_EPOCH sets the day.
    """
    from edge_agent.fleet.publishing.handover import build_signed, build_unsigned
    from edge_agent.fleet.signing.advertiser import AdvertiserFolder

    path = out or Path(f"{folder.resolve().name}.bundle")
    with progress_bar() as progress:
        if advertiser_dir is None:
            built = build_unsigned(folder, path, now(), progress)
        else:
            with AdvertiserFolder.locked(advertiser_dir) as own:
                built = build_signed(own, folder, path, now(), progress)
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
    from edge_agent.fleet.publishing.handover import sign_bundle
    from edge_agent.fleet.signing.advertiser import AdvertiserFolder

    with AdvertiserFolder.locked(advertiser_dir) as own:
        packs = sign_bundle(own, bundle, out or bundle, now())
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
    from edge_agent.fleet.publishing.handover import write_signed
    from edge_agent.fleet.signing.advertiser import AdvertiserFolder
    from edge_agent.packs.formats.manifest import pack_target_name

    with AdvertiserFolder.locked(advertiser_dir) as own:
        own.remove(pack_target_name(own.name, pack.removeprefix(f"{own.name}/")))
        own.commit(now())
        path = out or Path(f"{own.name}.bundle")
        write_signed(own, path)
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
    from edge_agent.fleet.authoring.pack_schema import document, manifest_schema, written_schema

    found = written_schema() if written else manifest_schema()
    if as_json:
        print_json(found)
    else:
        typer.echo(document(found), nl=False)


def lint(
    folder: PackFolderArgument,
    profiles: ProfilesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a pack for what would fail on devices.

    Exit code 0 when there is no error; warnings are worth a look. Nothing is signed or sent.
    """
    _, found = _examine(folder, profiles)
    errors = sum(finding.level == "error" for finding in found)
    if as_json:
        print_json(
            {"errors": errors, "warnings": len(found) - errors, "findings": [asdict(finding) for finding in found]}
        )
    else:
        for finding in found:
            typer.echo(f"{finding.level}: {finding}")
        typer.echo(f"{folder}: errors {errors}, warnings {len(found) - errors}.")
    if errors:
        raise typer.Exit(1)


def preview(
    folder: PackFolderArgument,
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder to make.  [default: the pack's, with -preview]")
    ] = None,
    profiles: ProfilesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Render every format of a pack, for each device, into a page that you can look at and hear."""
    from edge_agent.model.errors import FormatError, SettingsError

    try:
        from edge_agent.fleet.authoring.preview import write_preview
    except ImportError as error:
        raise SettingsError(
            f"A preview needs {error.name}, which is not installed.", "Run: pip install 'edge-agent[operator]'"
        ) from error
    pack, found = _examine(folder, profiles)
    if pack is None:
        raise FormatError(found[0].message, found[0].next_step)
    done = 0
    with progress_bar(of_bytes=False) as progress:

        def on_done(_crid: str) -> None:
            nonlocal done
            done += 1
            progress("drawing", done, len(pack.campaign.creatives))

        target = out or folder.resolve().with_name(f"{folder.resolve().name}-preview")
        path = write_preview(pack, found, _profiles(profiles), target, now(), on_done)
    errors = sum(finding.level == "error" for finding in found)
    say(
        f"Open {path}: {counted(len(pack.campaign.creatives), 'creative')}, {counted(errors, 'error')}, "
        f"{counted(len(found) - errors, 'warning')}.",
        {"page": str(path), "errors": errors, "warnings": len(found) - errors},
        as_json=as_json,
    )


def _examine(folder: Path, profiles: list[str] | None) -> "tuple[PackFolder | None, list[Finding]]":
    """Return a pack, unless it cannot be read, and all that was found in it."""
    from edge_agent.fleet.authoring.finding import warning
    from edge_agent.fleet.authoring.lint import in_order, lint

    pack, found = lint(folder, _profiles(profiles), now(), hearing())
    if pack is None:
        return None, found
    try:
        from edge_agent.fleet.authoring.measurements import measure_files
    except ImportError as error:
        missing = warning(
            "not_measured",
            "",
            f"Sounds and pictures were not measured: {error.name} is not installed.",
            "Run: pip install 'edge-agent[operator]'",
        )
        return pack, [*found, missing]
    total_bytes = sum(path.stat().st_size for path in pack.files.values())
    done_bytes = 0
    with progress_bar() as progress:

        def on_done(length: int) -> None:
            nonlocal done_bytes
            done_bytes += length
            progress("measuring", done_bytes, total_bytes)

        return pack, in_order([*found, *measure_files(pack, on_done)])


def _profiles(names: list[str] | None) -> "list[DeviceProfile]":
    from edge_agent.settings.layers import load_profile
    from edge_agent.shipped import shipped

    shipped_names = sorted(path.stem for path in shipped("device_profiles").glob("*.toml"))
    return [load_profile(name) for name in names or shipped_names]
