"""`edge-agent fleet mirror`: the folder that HTTPS mirrors serve, and whether one serves it as devices need it."""

import asyncio
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli.fleet_options import FLEET, FleetDir, say
from edge_agent.cli.output import JsonOption, counted, progress_bar, size

if TYPE_CHECKING:
    from edge_agent.fleet.publishing.mirror_check import Checked
    from edge_agent.fleet.signing.repository import FleetRepository


class AssetsOn(StrEnum):
    """Where assets are."""

    BROKER = "broker"
    MIRROR = "mirror"
    BOTH = "both"


MirrorFolderOption = Annotated[
    Path | None,
    typer.Option("--mirror-folder", help="Keep assets in this folder for HTTPS mirrors to serve; remembered."),
]
AssetsOnOption = Annotated[
    AssetsOn | None,
    typer.Option("--assets-on", help="Where assets are; remembered.  [default: broker, or both with a folder]"),
]
AssetsOverOption = Annotated[
    int | None,
    typer.Option("--assets-over", min=0, help="Assets of up to so many bytes are on the broker alone; remembered."),
]
UploadOption = Annotated[
    str, typer.Option("--upload", help="A command that uploads the mirrors' folder before devices are told.")
]


def register(fleet_app: typer.Typer) -> None:
    """Add the command to the fleet group."""
    fleet_app.command("mirror")(mirror)


def mirror(
    check: Annotated[
        str | None, typer.Option("--check", help="Ask this mirror (https://…) whether it serves every asset.")
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option("--ca-file", help="Authority that signed the mirror's certificate.")
    ] = None,
    mirror_folder: MirrorFolderOption = None,
    assets_on: AssetsOnOption = None,
    assets_over: AssetsOverOption = None,
    fleet_dir: FleetDir = FLEET,
    as_json: JsonOption = False,
) -> None:
    """Write the folder that mirrors serve, or ask a mirror whether it serves it.

    Nothing is sent to the broker: `fleet refresh` brings it in line with where assets are. With --check the exit code
    is 1 when the mirror lacks something, or answers otherwise than devices need.
    """
    from edge_agent.fleet.publishing.mirror_folder import choose, read_choice
    from edge_agent.fleet.publishing.mirroring import write_folder
    from edge_agent.fleet.signing.repository import FleetRepository

    with FleetRepository.locked(fleet_dir) as fleet:
        choose(fleet_dir, folder=mirror_folder, assets_on=assets_on, over_bytes=assets_over)
        with progress_bar() as progress:
            written = write_folder(fleet, progress)
        checked = None if check is None else _check(fleet, check, ca_file)
        choice = read_choice(fleet_dir)
    sentences = []
    if written is None:
        sentences.append("Assets are on the broker alone; --mirror-folder DIR keeps them for mirrors, too.")
    else:
        where = f"on the {choice.assets_on}" if choice.assets_on != "both" else "on the broker and on mirrors"
        sentences.append(
            f"{written.folder} holds {counted(written.assets, 'asset')} for mirrors, {written.written} of them new "
            f"({size(written.written_bytes)}); assets over {choice.over_bytes} bytes are {where}."
        )
    if checked is not None:
        sentences.append(
            f"{checked.url} lacks {len(checked.lacking)} of {counted(checked.assets, 'asset')}: upload the folder."
            if checked.lacking
            else f"{checked.url} serves {counted(checked.assets, 'asset')} as devices need them."
        )
    say(
        "\n".join(sentences),
        {
            "choice": choice.model_dump(mode="json"),
            "written": None if written is None else asdict(written),
            "checked": None if checked is None else asdict(checked),
        },
        as_json=as_json,
    )
    if checked is not None and checked.lacking:
        raise typer.Exit(1)


def _check(fleet: "FleetRepository", url: str, ca_file: Path | None) -> "Checked":
    from edge_agent.fleet.publishing.mirror_check import check_mirror

    with progress_bar(of_bytes=False) as progress:
        return asyncio.run(check_mirror(fleet, url, ca_file, progress))
