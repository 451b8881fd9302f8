"""`edge-agent signal`: the device's scripts tell the running agent of a moment, a state or a press."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from edge_agent.cli.agent_socket import running_agent
from edge_agent.cli.output import CONFIG, ConfigOption, JsonOption, print_json

SocketOption = Annotated[
    Path | None, typer.Option("--socket", envvar="EDGE_AGENT_SOCKET", help="The agent's Unix socket itself.")
]

_TRUTHS: Final = {
    "true": True,
    "on": True,
    "yes": True,
    "1": True,
    "false": False,
    "off": False,
    "no": False,
    "0": False,
}


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="Tell the running agent of a moment or a device state.")
    group.command()(moment)
    group.command()(state)
    group.command()(press)
    app.add_typer(group, name="signal")


def moment(
    kind: Annotated[str, typer.Argument(help="power_on, idle, pause, assistant_answered, tap, sensor_reading, …")],
    topic: Annotated[str, typer.Option(help="What it is about, such as weather or door.")] = "",
    config: ConfigOption = CONFIG,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Signal a moment, and say what came of it. Exit code 0 whether or not something was placed."""
    answer = running_agent(config, socket, "/v1/moments", {"kind": kind, "topic": topic})
    if as_json:
        print_json(answer)
        return
    decision = answer.get("decision")
    if decision is None:
        typer.echo("The agent took it; no decision was made within a second.")
        return
    words = {"selected": "Placed", "no_fill": "Nothing placed", "refused": "Refused"}[decision["outcome"]]
    rule = f" ({decision['rule']})" if decision["rule"] else ""
    typer.echo(f"{words}{rule}: {decision['detail']}")


def state(
    changes: Annotated[
        list[str],
        typer.Argument(
            help="NAME=true|false: powered, do_not_disturb, call_in_progress, media_playing, microphone_muted."
        ),
    ],
    config: ConfigOption = CONFIG,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what state the device is in: `call_in_progress=true`."""
    body: dict[str, bool] = {}
    for change in changes:
        name, _, value = change.partition("=")
        if value.lower() not in _TRUTHS:
            raise typer.BadParameter(f"{change!r} is not NAME=true or NAME=false", param_hint="CHANGES")
        body[name] = _TRUTHS[value.lower()]
    _say(running_agent(config, socket, "/v1/state", body), as_json=as_json)


def press(
    button: Annotated[str, typer.Argument(help="close or not_interested.")],
    config: ConfigOption = CONFIG,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Press a button: `close` closes what is playing within a second."""
    _say(running_agent(config, socket, "/v1/press", {"button": button}), as_json=as_json)


def _say(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        typer.echo("The agent took it.")
