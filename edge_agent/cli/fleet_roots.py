"""`edge-agent fleet root`, `keys sign-root` and `keys adopt-root`: what devices trust, signed by several in steps."""

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli.fleet_options import FLEET, Desk, FleetDir, at_the_desk, now, say
from edge_agent.cli.output import JsonOption, note

if TYPE_CHECKING:
    from edge_agent.fleet.signing.root_proposal import RootProposal

ProposeOption = Annotated[
    bool, typer.Option("--propose", help="Write the new root into root.pending.json, for other key-holders to sign.")
]


def register(fleet_app: typer.Typer, keys_app: typer.Typer) -> None:
    """Add the commands."""
    keys_app.command("sign-root")(sign_root)
    keys_app.command("adopt-root")(adopt_root)
    fleet_app.command("root")(root_of_trust)


def say_proposed(fleet_dir: Path, *, as_json: bool) -> None:
    """Say what was proposed, and what comes next."""
    from edge_agent.fleet.signing.root_proposal import PENDING, pending_proposal

    proposal = pending_proposal(fleet_dir)
    if proposal is None:
        raise RuntimeError("nothing was proposed")
    path = fleet_dir / PENDING
    say(f"Proposed: {path}. {proposal.said()}", {"file": str(path), **_document(proposal)}, as_json=as_json)
    if not as_json:
        note(f"Each key-holder runs: edge-agent fleet keys sign-root {PENDING} --key THEIR-KEY.pem")
        note("Then here: edge-agent fleet keys adopt-root COPY…")


def sign_root(
    proposal: Annotated[Path, typer.Argument(help="The file with the proposed root, root.pending.json.")],
    key: Annotated[Path, typer.Option("--key", help="Your private key, a .pem file. It stays where it is.")],
    trusted: Annotated[
        Path | None,
        typer.Option("--trusted", help="The root that you know to hold, metadata/N.root.json."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the signed copy here.  [default: into it]")] = None,
    as_json: JsonOption = False,
) -> None:
    """Sign a proposed root with your key, on your own machine.

    It says what would change. No fleet folder and no network are needed; send the file back, or on to the next.
    """
    from edge_agent.fleet.signing.keys import read_private_key
    from edge_agent.fleet.signing.root_proposal import read_proposal, refuse_untrusted, sign_proposal, write_proposal

    found = read_proposal(proposal)
    if trusted is not None:
        refuse_untrusted(found, trusted)
    elif not as_json:
        note("Not compared with a root that you know: name it with --trusted, or ask whoever proposed this.")
    signer = read_private_key(key)
    is_new = sign_proposal(found, signer, now())
    write_proposal(out or proposal, found)
    if not as_json:
        for sentence in found.changes():
            note(sentence)
    say(
        f"{'Signed' if is_new else 'It bears that signature already'}. {found.said()}",
        {"file": str(out or proposal), "key": signer.public_key.keyid, "signed": is_new, **_document(found)},
        as_json=as_json,
    )


@at_the_desk
def adopt_root(
    desk: Desk,
    copies: Annotated[
        list[Path] | None, typer.Argument(help="Signed copies of root.pending.json.  [default: the fleet's own]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make the proposed root the one that counts, once enough have signed it, and send it.

    Devices follow by themselves. The signatures of all copies count together.
    """
    from edge_agent.fleet.signing.rotation import adopt_root as adopt

    version = adopt(desk.fleet, copies or (), now())
    sent = desk.send(urgent=True)
    say(
        f"Version {version} of the root counts from now on.",
        {"root_version": version, "sent": asdict(sent)},
        as_json=as_json,
    )


def _document(proposal: "RootProposal") -> dict[str, object]:
    old, new = proposal.signatures()
    return {
        "version": proposal.version,
        "expires": proposal.proposed.signed.expires.isoformat(),
        "changes": proposal.changes(),
        "before": asdict(old),
        "own": asdict(new),
    }


def root_of_trust(
    out: Annotated[Path | None, typer.Option("--out", help="Where to write it; a folder or a file.")] = None,
    fleet_dir: FleetDir = FLEET,
    as_json: JsonOption = False,
) -> None:
    """Show or copy root.json, which every device trusts.

    A device gets it when it is made, and believes all the rest by it.
    """
    from edge_agent.fleet.durable import read_kept, write_durably
    from edge_agent.fleet.signing.repository import FleetRepository

    FleetRepository.open(fleet_dir)
    path = fleet_dir / "root.json"
    if out is not None:
        target = out
        with suppress(OSError):  # what may not be looked into cannot be written either, which is said
            target = out / "root.json" if out.is_dir() else out
        write_durably(target, read_kept(path))
        path = target
    say(f"{path}", {"root_json": str(path)}, as_json=as_json)
