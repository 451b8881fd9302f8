"""`edge-agent listen`: recognise phrases in WAV files, from the microphone, or in raw audio on standard input.

With --json, one object a detection and line: `file`, `phrase`, `start_s`, `end_s`, `confidence` (`file` is null for
what is live). Files are listened to one after another in one process, each on its own. Exit code 0, with no
line, when nothing was heard; 1 when a file could not be read, after all the others.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.cli.model import models_directory
from edge_agent.cli.output import JsonOption, error_document, note, print_json
from edge_agent.model.errors import VoiceError
from edge_agent.voice.gated import GatedStream
from edge_agent.voice.grammar import build_grammar, phrases_in
from edge_agent.voice.models import find_model
from edge_agent.voice.source_microphone import MicrophoneSource
from edge_agent.voice.source_raw import StdinSource
from edge_agent.voice.sources import AudioSource, RawFormat
from edge_agent.voice.spotter import Detection
from edge_agent.voice.spotting import PhraseStream
from edge_agent.voice.wav import read_wav

NewStream = Callable[[], PhraseStream]
Tell = Callable[[str | None, Detection], None]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(listen)


def listen(
    phrases: Annotated[str, typer.Option(help="What to listen for, separated by commas.")],
    files: Annotated[list[Path] | None, typer.Argument(help="More WAV files.", metavar="[FILE]...")] = None,
    wav: Annotated[list[Path] | None, typer.Option(help="A WAV file of any rate; may be given again.")] = None,
    mic: Annotated[bool, typer.Option("--mic", help="Listen to the microphone until interrupted.")] = False,
    device: Annotated[str, typer.Option(help="A part of the microphone's name.")] = "",
    stdin: Annotated[bool, typer.Option("--stdin", help="Raw s16le on standard input, until it ends.")] = False,
    rate: Annotated[int, typer.Option(min=4000, max=384_000, help="Of --stdin, in Hz.")] = 16_000,
    channels: Annotated[int, typer.Option(min=1, max=64, help="Of --stdin, interleaved.")] = 1,
    model: Annotated[Path | None, typer.Option(help="A Vosk model's folder (default: the one in use).")] = None,
    lang: Annotated[str, typer.Option(help="The language of the packaged model.")] = "en",
    sensitivity: Annotated[float, typer.Option(min=0, max=1, help="0 strict … 1 eager.")] = 0.5,
    as_json: JsonOption = False,
) -> None:
    """Recognise phrases in WAV files or from the microphone."""
    paths = [*(wav or ()), *(files or ())]
    if mic + stdin + bool(paths) != 1:
        raise typer.BadParameter("Give WAV files, --mic or --stdin.")
    wanted = phrases_in(phrases)
    if not wanted:
        raise typer.BadParameter("Give at least one phrase.", param_hint="--phrases")
    found = find_model(model, models_directory(None), lang)
    grammar = build_grammar(wanted, found.vocabulary())
    speech_model = found.load()

    tell = _print_json if as_json else _print_text
    if paths:
        if not _listen_to_files(
            paths, lambda: PhraseStream(speech_model, grammar, sensitivity), tell, as_json=as_json
        ):
            raise typer.Exit(1)
        return
    stream = GatedStream(speech_model, grammar, sensitivity)
    if mic:
        note("Listening; press Ctrl-C to end.")
    _listen_to(MicrophoneSource(device) if mic else StdinSource(RawFormat(rate, channels)), stream, tell)


def _listen_to_files(paths: list[Path], new_stream: NewStream, tell: Tell, *, as_json: bool) -> bool:
    """Listen to each file on its own; return whether all of them could be read."""
    all_read = True
    for path in paths:
        try:
            audio = read_wav(path)
        except VoiceError as error:
            note(f"edge-agent: {error.for_person()}")
            if as_json:
                print_json({"file": str(path), **error_document(error)})
            all_read = False
            continue
        stream = new_stream()
        heard = [*stream.feed(audio), *stream.finish()]
        for detection in heard:
            tell(str(path), detection)
        if not heard and not as_json:
            typer.echo(f"{path}: nothing was heard")
    return all_read


def _listen_to(source: AudioSource, stream: GatedStream, tell: Tell) -> None:
    source.open()
    try:
        while not source.is_over:
            for detection in stream.feed(source.read()):
                tell(None, detection)
    finally:
        source.close()


def _print_json(name: str | None, heard: Detection) -> None:
    times = {"start_s": round(heard.start_s, 2), "end_s": round(heard.end_s, 2)}
    print_json({"file": name, "phrase": heard.phrase, **times, "confidence": round(heard.confidence, 3)})


def _print_text(name: str | None, heard: Detection) -> None:
    typer.echo(f"{name + ': ' if name else ''}“{heard.phrase}” from {heard.start_s:.2f} s to {heard.end_s:.2f} s")
