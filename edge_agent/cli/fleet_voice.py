"""`edge-agent fleet voice …`: give devices new words to hear, and take them back."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.cli.fleet_options import Desk, EverythingOption, at_the_desk, now, say
from edge_agent.cli.output import JsonOption, progress_bar, size


def register(fleet_app: typer.Typer) -> None:
    """Add the group."""
    voice_app = typer.Typer(no_args_is_help=True, help="Teach devices new words, without touching their model.")
    voice_app.command("publish")(publish)
    voice_app.command("withdraw")(withdraw)
    fleet_app.add_typer(voice_app, name="voice")


@at_the_desk
def publish(
    desk: Desk,
    model: Annotated[Path, typer.Argument(help="The folder that `edge-agent model add-phrases` made.")],
    everything: EverythingOption = False,
    as_json: JsonOption = False,
) -> None:
    """Sign a model's words and bring them to every device that has its network.

    Running devices take them up at once.
    """
    from edge_agent.fleet.signing.voice import sign_voice

    with progress_bar() as progress:
        signed = sign_voice(desk.fleet, model, now(), progress)
    sent = desk.send(everything=everything)
    what = "Published" if signed.changed else "Nothing new in"
    phrases = ", ".join(f'"{phrase}"' for phrase in signed.phrases) or "no new phrase"
    say(
        f"{what} {signed.name}, version {signed.version} ({phrases}): {size(signed.total_bytes)}, "
        f"{size(sent.sent_bytes)} sent to {sent.broker}.",
        {"voice": asdict(signed), "sent": asdict(sent)},
        as_json=as_json,
    )


@at_the_desk
def withdraw(
    desk: Desk,
    lang: Annotated[str, typer.Argument(help="The language, as in en.")],
    as_json: JsonOption = False,
) -> None:
    """Take the words back: devices hear with their own model's again."""
    from edge_agent.fleet.signing.voice import withdraw_voice

    name = withdraw_voice(desk.fleet, lang, now())
    sent = desk.send()
    say(f"Withdrew {name}.", {"document": name, "sent": asdict(sent)}, as_json=as_json)
