"""`edge-agent check`: would this configuration run on this device?"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.cli.output import JsonOption, print_json, print_table
from edge_agent.model.errors import EdgeAgentError
from edge_agent.settings.layers import Settings, load_settings

Finding = tuple[str, bool, str]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(
    config: Annotated[Path, typer.Option(help="agent.toml of this device.")] = Path("/etc/edge-agent/agent.toml"),
    as_json: JsonOption = False,
) -> None:
    """Check a configuration and this device; start nothing.

    Exit code 1 when something is wrong.
    """
    findings = list(_findings(config))
    if as_json:
        print_json([{"what": what, "ok": ok, "detail": detail} for what, ok, detail in findings])
    else:
        rows = [(what, "ok" if ok else "wrong", detail) for what, ok, detail in findings]
        print_table(str(config), ("what", "", "detail"), rows)
    if not all(ok for _, ok, _ in findings):
        raise typer.Exit(1)


def _findings(config: Path) -> Iterator[Finding]:
    try:
        settings = load_settings(config)
    except EdgeAgentError as error:
        yield "configuration", False, error.for_person()
        return
    yield "configuration", True, f"{settings.profile.title} ({settings.profile.name}), device {settings.device_id}"
    for what, look in _LOOKS.items():
        try:
            yield what, True, look(settings)
        except EdgeAgentError as error:
            yield what, False, error.for_person()


def _hooks(settings: Settings) -> str:
    for verb, name in settings.render.hooks.items():
        path = settings.render.hooks_directory / name
        if not path.is_file():
            raise EdgeAgentError(f"The hook for {verb} is not at {path}.", "Install it or correct the profile.")
    return ", ".join(sorted(settings.render.hooks)) or "none"


def _trust(settings: Settings) -> str:
    if not settings.packs.root_json.is_file():
        raise EdgeAgentError(
            f"The trusted root is not at {settings.packs.root_json}.",
            "Copy root.json from the operator (edge-agent fleet root) there.",
        )
    return str(settings.packs.root_json)


def _broker(settings: Settings) -> str:
    where = f"{settings.mqtt.host}:{settings.mqtt.port}, topics below {settings.mqtt.root}"
    dotted = [name for name in (settings.mqtt.root, settings.mqtt.device_id) if "." in name]
    return f"{where}; RabbitMQ and NATS take no dot, as in {' and '.join(dotted)}" if dotted else where


def _mirrors(settings: Settings) -> str:
    from edge_agent.packs.mirrored import mirror_trust

    mirror_trust(settings.packs.mirror_ca_file)
    return ", ".join(settings.packs.mirrors) or "none but those of signed configuration"


def _voice(settings: Settings) -> str:
    from edge_agent.voice.check import check_voice

    return check_voice(settings.voice)


def _microphone(settings: Settings) -> str:
    from edge_agent.voice.source_microphone import MicrophoneSource
    from edge_agent.voice.sources import source_from
    from edge_agent.voice.wyoming.source import WyomingDoor, WyomingSource

    source = source_from(settings.voice.source)
    if not isinstance(source, MicrophoneSource | WyomingSource | WyomingDoor):
        return "none is used"
    if _is_running(settings):
        return "left to the agent that is running"
    source.open()
    source.close()
    return "it can be opened"


def _wyoming(settings: Settings) -> str:
    from edge_agent.voice.wyoming.protocol import Address
    from edge_agent.voice.wyoming.server import try_address

    if settings.voice.wyoming is None:
        return "nobody is served"
    address = Address.parse(settings.voice.wyoming.uri)
    if not _is_running(settings):
        try_address(address)
    return f"{address}, open to {'this machine' if address.is_of_this_machine else 'everybody who reaches it'}"


def _is_running(settings: Settings) -> bool:
    return settings.debug.socket is not None and settings.debug.socket.exists()


def _disk(settings: Settings) -> str:
    import shutil

    try:
        settings.state_directory.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(settings.state_directory).free
    except OSError as error:
        raise EdgeAgentError(
            f"{settings.state_directory} cannot be used: {error.strerror or error}.",
            "Check state_directory and who owns it.",
        ) from error
    wanted = settings.packs.budget_bytes
    if free < wanted:
        raise EdgeAgentError(
            f"{settings.state_directory} has {free >> 20} MiB free; packs may take {wanted >> 20}.",
            "Free some space or lower packs.budget_bytes.",
        )
    return f"{free >> 20} MiB free"


_LOOKS: dict[str, Callable[[Settings], str]] = {
    "hooks": _hooks,
    "trust": _trust,
    "broker": _broker,
    "mirrors": _mirrors,
    "voice": _voice,
    "microphone": _microphone,
    "wyoming": _wyoming,
    "disk": _disk,
}
