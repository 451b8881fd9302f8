"""`edge-agent model`: which speech models are here, which one is in use, and how to install another."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.cli import model_phrases
from edge_agent.cli.output import JsonOption, fail, note, print_json, print_table
from edge_agent.model.errors import VoiceError

if TYPE_CHECKING:
    from edge_agent.settings.rooms import VoiceSettings

CONFIG = Path("/etc/edge-agent/agent.toml")

ConfigOption = Annotated[
    Path | None, typer.Option(help=f"agent.toml of this device (default: {CONFIG}, where it exists).")
]


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="List, choose, install, train and extend speech models.")
    group.command("list")(list_models)
    group.command()(use)
    group.command()(install)
    group.command()(train)
    model_phrases.register(group)
    app.add_typer(group, name="model")


def models_directory(config: Path | None) -> Path:
    """Return where models are kept: EDGE_AGENT_MODELS, else as configured, else in the person's own data folder."""
    if "EDGE_AGENT_MODELS" in os.environ:
        return Path(os.environ["EDGE_AGENT_MODELS"])
    configured = _configured(config)
    if configured is not None and configured.models_directory is not None:
        return configured.models_directory
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "edge-agent" / "models"


def _configured(config: Path | None) -> "VoiceSettings | None":
    """Return what this device's agent.toml says of hearing; None where there is none."""
    if config is None and not CONFIG.is_file():
        return None
    from edge_agent.settings.layers import load_settings

    return load_settings(config or CONFIG).voice


def _language(config: Path | None) -> str:
    """Return the language whose packaged model is used where none was chosen."""
    configured = _configured(config)
    return "en" if configured is None else configured.lang


def list_models(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List packaged, installed and official models.

    The one in use is marked.
    """
    from edge_agent.voice.installing import OFFICIAL
    from edge_agent.voice.models import chosen_directory, installed_models, packaged_models

    models = models_directory(config)
    chosen = chosen_directory(models)
    lang = _language(config) if chosen is None else None
    rows = [
        _row(name, "packaged", directory, in_use=name == lang or chosen == directory.resolve())
        for name, directory in packaged_models().items()
    ]
    installed = installed_models(models)
    rows += [_row(path.name, "installed", path, in_use=chosen == path.resolve()) for path in installed]
    if chosen is not None and not any(row["in_use"] for row in rows):
        rows.append(_row(chosen.name, "elsewhere", chosen, in_use=True))
    for name in sorted(set(OFFICIAL) - {row["name"] for row in rows}):
        rows.append(_row(name, "not installed", None, in_use=False))
    if as_json:
        for row in rows:
            print_json(row)
        return
    print_table(
        "Speech models",
        ("in use", "name", "origin", "size", "folder"),
        [
            (
                "*" if row["in_use"] else "",
                row["name"],
                row["origin"],
                f"{row['size_bytes'] / 1e6:.1f} MB" if row["size_bytes"] else "",
                row["directory"] or "",
            )
            for row in rows
        ],
    )


def _row(name: str, origin: str, directory: Path | None, *, in_use: bool) -> dict[str, Any]:
    """Describe one model; one that is damaged or gone is listed as `unusable`, so that a person can see it."""
    from edge_agent.voice.models import check_model

    size_bytes = None
    if directory is not None:
        try:
            size_bytes = check_model(directory).size_bytes
        except VoiceError:
            origin = "unusable"
    place = {"directory": None if directory is None else str(directory), "size_bytes": size_bytes}
    return {"name": name, "origin": origin, **place, "in_use": in_use}


def use(
    model: Annotated[str, typer.Argument(help="An installed or packaged model's name (en, zh), or a folder.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Choose the model that the agent uses from its next start.

    It is loaded once, to be sure that it works.
    """
    from edge_agent.voice.grammar import Grammar
    from edge_agent.voice.libvosk import Decoder
    from edge_agent.voice.models import check_model, choose, packaged_models

    models = models_directory(config)
    packaged = packaged_models().get(model)
    installed = models / model
    directory = installed if "/" not in model and installed.is_dir() else Path(model)
    if packaged is None and not directory.is_dir():
        fail(f"There is no speech model {model}.", "Name one of `edge-agent model list`, or a folder.")
    found = check_model(packaged or directory)
    Decoder(found.load(), Grammar({}).for_vosk)
    # Without a choice the packaged model of the device's language is used, after an upgrade too.
    choose(models, None if packaged is not None and model == _language(config) else found.directory)
    if as_json:
        print_json({"name": model, "directory": str(found.directory), "words": len(found.vocabulary().words)})
        return
    typer.echo(f"{found.directory} is used from the agent's next start on.")


def install(
    source: Annotated[str, typer.Argument(help="An official model's name, a URL, or a zip file.")],
    sha256: Annotated[str, typer.Option(help="The archive's SHA-256, from whom you trust.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Download, check and unpack a model; does not choose it.

    A download that broke off goes on where it stopped.
    """
    import asyncio

    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    from edge_agent.voice import installing

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks = {step: bar.add_task(step, visible=False) for step in ("Downloading", "Checking", "Unpacking")}

        def show(step: str, done: int, total: int) -> None:
            bar.update(tasks[step], completed=done, total=total or None, visible=True)

        directory = asyncio.run(installing.install(source, sha256, models_directory(config), show))
    if as_json:
        print_json({"name": directory.name, "directory": str(directory)})
        return
    typer.echo(f"Installed {directory.name}. Use it with: edge-agent model use {directory.name}")


def train(
    out: Annotated[Path, typer.Option(help="The model directory to write.")],
    work: Annotated[Path | None, typer.Option(help="A folder with room for 4 GB; a temporary one otherwise.")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.1, help="How long to fit; everything else takes about eight.")
    ] = None,
    lang: Annotated[str, typer.Option(help="The language of the model: en or zh.")] = "en",
    adapt: Annotated[
        Path | None,
        typer.Option(help="People's recordings to learn from too: a folder for each phrase, like hey_device."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train our own speech model from synthetic speech, and from recordings where there are some.

    Says which extra and Debian packages it needs, where they are missing.
    """
    import tempfile

    from edge_agent.voice.training import MINUTES, SEED, TrainingError, train_model

    if out.exists() and not out.is_dir():
        fail(f"{out} is a file.", "Name a new folder with --out.")
    with tempfile.TemporaryDirectory(prefix="edge-agent-training-") as scratch:
        try:
            train_model(
                out,
                work=work or Path(scratch),
                language=lang,
                seed=SEED,
                minutes=minutes or MINUTES,
                report=note,
                adapt=adapt,
            )
        except TrainingError as error:
            fail(str(error))
    if as_json:
        print_json({"model": str(out)})
    else:
        note(f"The model is in {out}. Use it with: edge-agent model use {out}")
