"""`edge-agent run`: the agent itself, until it is told to stop."""

from typing import Annotated

import typer

from edge_agent.cli.output import CONFIG, ConfigOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(run)


def run(
    config: ConfigOption = CONFIG,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
    as_json: Annotated[bool, typer.Option("--json", help="Log one JSON object a line, for programs.")] = False,
) -> None:
    """Run the agent on this device.

    Logs go to stderr. SIGTERM or Ctrl-C closes what is playing and stops; SIGHUP is ignored (configuration comes
    signed over MQTT, or by a restart).
    """
    import asyncio

    log_to_stderr(log_level, as_json=as_json)
    from edge_agent.app import run_agent

    asyncio.run(run_agent(config))


def log_to_stderr(log_level: str, *, as_json: bool) -> None:
    """Log from that level on, as text or one JSON object a line. Raises typer.BadParameter where it is no level."""
    import logging
    import sys

    level = logging.getLevelNamesMapping().get(log_level.upper())
    if level is None:
        raise typer.BadParameter("must be debug, info, warning or error", param_hint="--log-level")
    # Under systemd the journal adds the time itself.
    stamp = "" if not sys.stderr.isatty() else "%(asctime)s "
    logging.basicConfig(level=level, format=f"{stamp}%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    if as_json:
        from edge_agent.cli.json_log import JsonLines

        logging.getLogger().handlers[0].setFormatter(JsonLines())
    if level > logging.DEBUG:  # that one of several keys did not sign is no news to a person; what fails, we say
        for library in ("tuf", "securesystemslib"):
            logging.getLogger(library).setLevel(max(level, logging.WARNING))
