"""`edge-agent check`: would this configuration run on this device?"""

import contextlib
import errno
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import typer

from edge_agent.cli.output import CONFIG, ConfigOption, JsonOption, print_json, print_table
from edge_agent.model.errors import EdgeAgentError, LinkError
from edge_agent.settings.layers import Settings, load_settings

Finding = tuple[str, str, str]
"""What was looked at, `ok`, `warning` or `wrong`, and a sentence."""

_PATIENCE: Final = timedelta(seconds=3)
"""How long a broker may take to answer, each time that it is asked something."""


class _PassingError(EdgeAgentError):
    """What does not work now, and may at any time: no fault of this configuration."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """Check a configuration and this device; start nothing.

    The broker is asked, too; one that does not answer is a warning. Exit code 1 when something is wrong.
    """
    findings = list(_findings(config))
    if as_json:
        print_json(
            [
                {"what": what, "ok": level != "wrong", "warning": level == "warning", "detail": detail}
                for what, level, detail in findings
            ]
        )
    else:
        print_table(str(config), ("what", "", "detail"), findings)
    if any(level == "wrong" for _, level, _ in findings):
        raise typer.Exit(1)


def _findings(config: Path) -> Iterator[Finding]:
    try:
        settings = load_settings(config)
    except EdgeAgentError as error:
        yield "configuration", "wrong", error.for_person()
        return
    yield "configuration", "ok", f"{settings.profile.title} ({settings.profile.name}), device {settings.device_id}"
    for what, look in _LOOKS.items():
        try:
            yield what, "ok", look(settings)
        except _PassingError as error:
            yield what, "warning", error.for_person()
        except EdgeAgentError as error:
            yield what, "wrong", error.for_person()


def _hooks(settings: Settings) -> str:
    from edge_agent.render.hook_process import hook_command

    for name in settings.render.hooks.values():
        hook_command(settings.render.hooks_directory / name)
    return ", ".join(sorted(settings.render.hooks)) or "none"


def _trust(settings: Settings) -> str:
    from tuf.api.exceptions import RepositoryError
    from tuf.api.metadata import Metadata, Root

    path = settings.packs.root_json
    advice = "Copy root.json from the operator (edge-agent fleet root) there."
    try:
        root = Metadata[Root].from_bytes(path.read_bytes())
        root.verify_delegate(Root.type, root)  # its own keys have signed it; another role's metadata names none
    except FileNotFoundError as error:
        raise EdgeAgentError(f"The trusted root is not at {path}.", advice) from error
    except OSError as error:
        raise EdgeAgentError(
            f"The trusted root {path} cannot be read: {error.strerror}.", "Check who may read it."
        ) from error
    except (RepositoryError, TypeError, ValueError) as error:
        raise EdgeAgentError(f"{path} is no root of trust.", advice) from error
    return str(path)


def _broker(settings: Settings) -> str:
    from edge_agent.link.credentials import read_credentials, tls_context

    if settings.mqtt.credentials_file is not None:
        read_credentials(settings.mqtt.credentials_file)
    if settings.mqtt.tls:
        tls_context(settings.mqtt.ca_file)
    where = f"{settings.mqtt.host}:{settings.mqtt.port}, topics below {settings.mqtt.root}"
    dotted = [name for name in (settings.mqtt.root, settings.mqtt.device_id) if "." in name]
    return f"{where}; RabbitMQ and NATS take no dot, as in {' and '.join(dotted)}" if dotted else where


def _connection(settings: Settings) -> str:
    try:
        _broker(settings)
    except EdgeAgentError:
        return "not tried"
    return _said_by_agent(settings) if _is_running(settings) else _said_by_broker(settings)


def _said_by_agent(settings: Settings) -> str:
    """Return what the agent that runs says of its connection. Raises _PassingError where it has none now."""
    from edge_agent.cli.agent_socket import get

    try:
        state = get(settings.debug.socket or Path(), "/v1/state") or {}
    except EdgeAgentError:
        return "left to the agent that is running"
    for problem in state.get("problems", ()):
        if problem["subject"] == "broker":
            raise _PassingError(problem["what"], problem["next_step"])
    return f"the agent that is running is {state['link']['status']}" if "link" in state else "the agent is starting"


def _said_by_broker(settings: Settings) -> str:
    import asyncio

    from edge_agent.link.dialling import UNREACHED
    from edge_agent.link.trying import try_broker

    try:
        tried = asyncio.run(try_broker(settings.mqtt, _PATIENCE))
    except LinkError as error:
        if error.next_step == UNREACHED:
            raise _PassingError(str(error), error.next_step) from error
        raise
    return f"the broker answers (MQTT {tried.version}), {'and has' if tried.is_published else 'and has no'} packs"


def _mirrors(settings: Settings) -> str:
    from edge_agent.packs.fetching.mirrored import mirror_trust

    mirror_trust(settings.packs.mirror_ca_file)
    return ", ".join(settings.packs.mirrors) or "none but those of signed configuration"


def _voice(settings: Settings) -> str:
    from edge_agent.voice.check import check_voice

    return check_voice(settings.voice)


def _microphone(settings: Settings) -> str:
    from edge_agent.voice.source_microphone import MicrophoneSource
    from edge_agent.voice.sources import source_from
    from edge_agent.voice.wyoming.door import WyomingDoor
    from edge_agent.voice.wyoming.source import WyomingSource

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


def _page(settings: Settings) -> str:
    from edge_agent.debug.serving import try_loopback

    if settings.debug.port is None:
        return "none is served, as debug.port is false; a number, such as 8765, opens it"
    if _is_running(settings):
        return "left to the agent that is running"
    return try_loopback(settings.debug)


def _is_running(settings: Settings) -> bool:
    from edge_agent.cli.agent_socket import somebody_listens

    return settings.debug.socket is not None and somebody_listens(settings.debug.socket)


def _disk(settings: Settings) -> str:
    import os
    import shutil

    try:
        there = [_nearest(path) for path in (settings.state_directory, settings.database, settings.runtime_directory)]
        free = shutil.disk_usage(there[0]).free
        held = _held_bytes(settings.packs.directory)
    except OSError as error:
        raise EdgeAgentError(
            f"{settings.state_directory} cannot be used: {error.strerror or error}.",
            "Check state_directory and who owns it.",
        ) from error
    for place in there:
        if not os.access(place, os.W_OK):
            raise EdgeAgentError(
                f"{place} may not be written by the user who runs this.",
                "Run it as the user that the agent runs as, or correct state_directory and who owns it.",
            )
    wanted = max(0, settings.packs.budget_bytes - held)
    if free < wanted:
        raise EdgeAgentError(
            f"{settings.state_directory} has {free >> 20} MiB free; packs may take {wanted >> 20} more.",
            "Free some space or lower packs.budget_bytes.",
        )
    return f"{free >> 20} MiB free"


def _nearest(path: Path) -> Path:
    """Return `path`, or the folder above it in which it would be made. Raises OSError where that is none."""
    if path.exists():
        return path
    above = next(parent for parent in path.parents if parent.exists())
    if not above.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{above} is no folder")
    return above


def _held_bytes(directory: Path) -> int:
    total = 0
    for path in directory.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # the agent that runs may just have let it go
            total += path.stat().st_size
    return total


_LOOKS: dict[str, Callable[[Settings], str]] = {
    "hooks": _hooks,
    "trust": _trust,
    "broker": _broker,
    "connection": _connection,
    "mirrors": _mirrors,
    "voice": _voice,
    "microphone": _microphone,
    "wyoming": _wyoming,
    "page": _page,
    "disk": _disk,
}
