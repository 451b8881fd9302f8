"""`edge-agent wyoming`: let Home Assistant and other Wyoming clients use the engine, without the rest of the agent.

It opens no microphone: it hears what its clients send. With --json, one object when it is ready: `uri` (with the port
that was taken), `wake` (the names of the wake phrases) and `answers` (what speech is recognised as).
"""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.cli.model import models_directory
from edge_agent.cli.output import JsonOption, note, print_json
from edge_agent.settings.rooms import VoiceSettings, WyomingSettings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(wyoming)


def wyoming(
    phrases: Annotated[str, typer.Option(help="Wake phrases, separated by commas.")],
    uri: Annotated[
        str,
        typer.Option(help="tcp://HOST:PORT or unix:///PATH. The protocol knows no passwords: choose with care."),
    ] = "tcp://127.0.0.1:10400",
    answers: Annotated[
        str, typer.Option(help="What speech may be recognised as, beside the wake phrases and commands such as stop.")
    ] = "",
    model: Annotated[Path | None, typer.Option(help="A Vosk model's folder (default: the one in use).")] = None,
    lang: Annotated[str, typer.Option(help="The language of the packaged model.")] = "en",
    sensitivity: Annotated[float, typer.Option(min=0, max=1, help="0 strict … 1 eager.")] = 0.5,
    as_json: JsonOption = False,
) -> None:
    """Serve wake words and speech-to-text to Home Assistant (Wyoming).

    Speech is recognised as one of the phrases that you name, or as nothing: this is no dictation.
    """
    from edge_agent.voice.grammar import phrases_in

    wanted = phrases_in(phrases)
    if not wanted:
        raise typer.BadParameter("Give at least one phrase.", param_hint="--phrases")
    settings = VoiceSettings(
        model=model,
        models_directory=models_directory(None),
        wake_phrases=wanted,
        sensitivity=sensitivity,
        lang=lang,
        wyoming=WyomingSettings(uri=uri, phrases=phrases_in(answers)),
    )
    asyncio.run(_serve(settings, uri, as_json=as_json))


async def _serve(settings: VoiceSettings, uri: str, *, as_json: bool) -> None:
    """Serve until SIGINT or SIGTERM. Raise VoiceError for a phrase that cannot be heard: a person is there to see."""
    import logging

    from edge_agent.voice.check import check_voice
    from edge_agent.voice.wyoming.protocol import Address
    from edge_agent.voice.wyoming.server import WyomingServer
    from edge_agent.voice.wyoming.service import engine_for

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    check_voice(settings)
    engine = engine_for(settings)
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with WyomingServer(engine).listening(Address.parse(uri)) as taken:
        offer = engine.offer
        if as_json:
            print_json({"uri": str(taken), "wake": list(offer.wake_names), "answers": list(offer.answers)})
        else:
            note(f"Wyoming clients are served at {taken}; press Ctrl-C to end.")
        await told.wait()
