"""`edge-agent fleet …`: the operator's side. A first pack takes `keys init`, `pack new` and `publish`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.cli import (
    fleet_catch_up,
    fleet_keys,
    fleet_mirror,
    fleet_pack,
    fleet_reports,
    fleet_status,
    fleet_voice,
)
from edge_agent.cli.fleet_mirror import AssetsOnOption, AssetsOverOption, MirrorFolderOption, UploadOption
from edge_agent.cli.fleet_options import (
    Desk,
    EverythingOption,
    at_the_desk,
    now,
    say,
)
from edge_agent.cli.output import JsonOption, note, progress_bar, size


def register(app: typer.Typer) -> None:
    """Add the command group."""
    fleet_app = typer.Typer(
        no_args_is_help=True, help="The operator's side: keys, publish, configure, collect, report."
    )
    fleet_keys.register(fleet_app)
    fleet_pack.register(fleet_app)
    fleet_app.command("publish")(publish)
    fleet_app.command("revoke")(revoke)
    config_app = typer.Typer(no_args_is_help=True, help="Configure devices from afar.")
    config_app.command("push")(config_push)
    config_app.command("withdraw")(config_withdraw)
    fleet_app.add_typer(config_app, name="config")
    fleet_voice.register(fleet_app)
    fleet_app.command("refresh")(refresh)
    fleet_catch_up.register(fleet_app)
    fleet_mirror.register(fleet_app)
    fleet_status.register(fleet_app)
    fleet_reports.register(fleet_app)
    app.add_typer(fleet_app, name="fleet")


@at_the_desk
def publish(
    desk: Desk,
    pack: Annotated[Path, typer.Argument(help="A folder with a pack.toml, or a file that its advertiser signed.")],
    everything: EverythingOption = False,
    mirror_folder: MirrorFolderOption = None,
    assets_on: AssetsOnOption = None,
    assets_over: AssetsOverOption = None,
    upload: UploadOption = "",
    as_json: JsonOption = False,
) -> None:
    """Sign a pack, or take one that its advertiser signed, and bring what the broker lacks of it there.

    Assets that HTTPS mirrors serve are written into their folder first.
    """
    from edge_agent.fleet.publishing.mirror_folder import choose
    from edge_agent.fleet.signing.signed_packs import sign_pack
    from edge_agent.model.errors import FormatError
    from edge_agent.settings.rooms import PacksSettings

    if pack.suffix == ".bundle" and not pack.exists():
        raise FormatError(f"There is no file {pack}.", "Check its path.")
    choose(desk.fleet.directory, folder=mirror_folder, assets_on=assets_on, over_bytes=assets_over)
    if pack.is_file():
        _publish_bundle(desk, pack, everything=everything, upload=upload, as_json=as_json)
        return
    with progress_bar() as progress:
        signed = sign_pack(desk.fleet, pack, now(), progress)
    for sentence in signed.assumed:
        note(f"Assumed: {sentence}")
    most_bytes = PacksSettings.model_fields["max_pack_bytes"].default
    if signed.total_bytes > most_bytes:
        note(
            f"{signed.name} has {size(signed.total_bytes)} of assets: devices refuse more than {size(most_bytes)}, "
            "unless their packs.max_pack_bytes is more."
        )
    sent = desk.send(everything=everything, upload=upload)
    what = "Published" if signed.changed else "Nothing new in"
    say(
        f"{what} {signed.name}, version {signed.version}: {size(signed.total_bytes)} of assets, "
        f"{size(sent.sent_bytes)} sent to {sent.broker}.",
        {"pack": asdict(signed), "sent": asdict(sent)},
        as_json=as_json,
    )


def _publish_bundle(desk: Desk, path: Path, *, everything: bool, upload: str, as_json: bool) -> None:
    from edge_agent.fleet.publishing.handover import accept_bundle

    accepted = accept_bundle(desk.fleet, path, now())
    sent = desk.send(everything=everything, upload=upload)
    what = ", ".join(
        [f"published {name}" for name in accepted.packs] + [f"withdrew {name}" for name in accepted.withdrawn]
    )
    say(
        f"{accepted.advertiser} signed version {accepted.version}: {what or 'nothing new'}; "
        f"{size(sent.sent_bytes)} sent to {sent.broker}.",
        {"accepted": asdict(accepted), "sent": asdict(sent)},
        as_json=as_json,
    )


@at_the_desk
def revoke(
    desk: Desk,
    name: Annotated[
        str | None,
        typer.Argument(help="ADVERTISER/PACK, PACK where only one has that name, or ADVERTISER/PACK/CRID."),
    ] = None,
    advertiser: Annotated[
        str | None, typer.Option("--advertiser", help="Everything of this advertiser, in place of NAME.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, as a sentence that devices show.")] = "",
    lift: Annotated[
        bool,
        typer.Option("--lift", help="Let it play again: a creative, an advertiser, a pack that it signs itself."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Take a pack, one creative or everything of an advertiser off every device.

    It leaves within seconds, even in the middle of a play.
    """
    from edge_agent.fleet.signing import revoke as revoking

    if (name is None) == (advertiser is None):
        raise typer.BadParameter("say what: NAME, or --advertiser NAME")
    if lift and reason:
        raise typer.BadParameter("--reason is for a revocation; lifting one needs none")
    if lift:
        revoked = revoking.lift_revocation(desk.fleet, name or advertiser or "", now())
    elif advertiser is not None:
        revoked = revoking.revoke_advertiser(desk.fleet, advertiser, now(), reason)
    else:
        revoked = revoking.revoke(desk.fleet, name or "", now(), reason)
    sent = desk.send(urgent=not lift)
    say(
        f"{'Lifted the revocation of' if lift else 'Revoked'} {revoked}.",
        {"name": revoked, "lifted": lift, "sent": asdict(sent)},
        as_json=as_json,
    )


GroupOption = Annotated[str | None, typer.Option("--group", help="For the devices of this group.")]
DeviceOption = Annotated[str | None, typer.Option("--device", help="For this one device.")]
WholeFleet = Annotated[bool, typer.Option("--fleet", help="For every device.")]


@at_the_desk
def config_push(
    desk: Desk,
    file: Annotated[Path, typer.Argument(help="TOML or JSON with sections as in agent.toml.")],
    whole_fleet: WholeFleet = False,
    group: GroupOption = None,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign a configuration and send it.

    Devices that it does not suit refuse it whole.
    """
    from edge_agent.fleet.signing.config import push_config

    name = _config_name(whole_fleet, group, device)
    version = push_config(desk.fleet, name, file, now())
    sent = desk.send(urgent=True)
    say(
        f"Published {name}, version {version}.",
        {"document": name, "version": version, "sent": asdict(sent)},
        as_json=as_json,
    )


@at_the_desk
def config_withdraw(
    desk: Desk,
    whole_fleet: WholeFleet = False,
    group: GroupOption = None,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a configuration back."""
    from edge_agent.fleet.signing.config import withdraw_config

    name = _config_name(whole_fleet, group, device)
    withdraw_config(desk.fleet, name, now())
    sent = desk.send(urgent=True)
    say(f"Withdrew {name}.", {"document": name, "sent": asdict(sent)}, as_json=as_json)


@at_the_desk
def refresh(
    desk: Desk,
    everything: EverythingOption = False,
    take_over: Annotated[bool, typer.Option("--take-over", help="Replace another fleet's packs there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Keep the signatures fresh, and send what the broker lacks.

    Signs the timestamp anew, and what else is about to expire. Good for cron, once a week.
    """
    for key in desk.fleet.renew(now()):
        who = key.removeprefix("advertiser-")
        step = (
            f"bring {key}.pem back into its folder keys and refresh again" if who == key else "ask for a new bundle"
        )
        note(f"What {who} signed expires within four months: {step}.")
    desk.fleet.commit(now())
    sent = desk.send(everything=everything, take_over=take_over)
    until = desk.fleet.timestamp.expires
    say(f"Fresh until {until:%Y-%m-%d}.", {"expires": until.isoformat(), "sent": asdict(sent)}, as_json=as_json)


def _config_name(whole_fleet: bool, group: str | None, device: str | None) -> str:
    from edge_agent.fleet.signing.config import config_target

    if sum([whole_fleet, group is not None, device is not None]) != 1:
        raise typer.BadParameter("say which devices: --fleet, --group NAME or --device ID")
    return config_target(group=group, device=device)
