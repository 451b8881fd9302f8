"""`edge-agent fleet keys new` and `new-advertiser`: a key of one's own, made where it will sign."""

from pathlib import Path
from typing import Annotated

import typer

from edge_agent.cli.fleet_options import say
from edge_agent.cli.output import JsonOption

AdvertiserName = Annotated[str, typer.Argument(help="The advertiser, as in a pack.toml.")]


def register(keys_app: typer.Typer) -> None:
    """Add both commands to the group of keys."""
    keys_app.command("new-advertiser")(new_advertiser)
    keys_app.command("new")(new)


def new_advertiser(
    name: AdvertiserName,
    directory: Annotated[
        Path | None, typer.Option("--out", help="The folder to make.  [default: named like the advertiser]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """For an advertiser: make a folder with a key of your own.

    The operator gets the .pub file; the private key stays in the folder.
    """
    from edge_agent.fleet.signing.advertiser import AdvertiserFolder
    from edge_agent.fleet.signing.config import check_advertiser
    from edge_agent.fleet.signing.keys import read_public_key
    from edge_agent.fleet.signing.root_proposal import SHOWN_LETTERS

    folder = AdvertiserFolder.create(directory or Path(name), check_advertiser(name))
    keyid = read_public_key(folder.public_key).keyid
    say(
        f"Made {folder.directory}. Send {folder.public_key} (key {keyid[:SHOWN_LETTERS]}) to the operator; "
        "its folder keys is yours alone.",
        {"advertiser": name, "folder": str(folder.directory), "public_key": str(folder.public_key), "key": keyid},
        as_json=as_json,
    )


def new(
    path: Annotated[Path, typer.Argument(help="What to make, for instance safe/root-2: .pem and .pub are added.")],
    as_json: JsonOption = False,
) -> None:
    """Make one more key, for a role that several have to sign."""
    from edge_agent.fleet.signing.keys import make_key_pair, read_public_key
    from edge_agent.fleet.signing.root_proposal import SHOWN_LETTERS

    private, public = make_key_pair(path.parent, path.name)
    keyid = read_public_key(public).keyid
    say(
        f"Made {private}, to keep, and {public} (key {keyid[:SHOWN_LETTERS]}), "
        f"for: edge-agent fleet keys add ROLE --public-key {public}",
        {"private_key": str(private), "public_key": str(public), "key": keyid},
        as_json=as_json,
    )
