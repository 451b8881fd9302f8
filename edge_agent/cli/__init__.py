"""The `edge-agent` command: one file a command group, and nothing imported that the command does not use.

Exit codes: 0 done; 1 the command could not do it and says why; 2 the command line is wrong; 130 interrupted;
141 nobody reads what it prints any more (`| head`).
"""

import sys
from importlib import import_module
from typing import Final

import typer

from edge_agent import __version__
from edge_agent.cli.output import fail
from edge_agent.cli.streams import guard_streams
from edge_agent.model.errors import EdgeAgentError

_COMMANDS: Final = (
    "run",
    "demo",
    "check",
    "listen",
    "wyoming",
    "signal",
    "explain",
    "consent",
    "model",
    "fleet",
    "docs",
)
"""Each command lives in `edge_agent.cli.<name>` and offers `register(app)`."""


def build(argv: list[str]) -> typer.Typer:
    """Return the command line application, with only the command that `argv` names loaded when it names one."""
    app = typer.Typer(
        name="edge-agent",
        help="Welcome placements on TVs, speakers and fridges, with the resident in charge.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )

    def print_version(value: bool) -> None:
        if value:
            typer.echo(__version__)
            raise typer.Exit

    @app.callback()
    def options(
        version: bool = typer.Option(False, "--version", callback=print_version, is_eager=True, help="Print it."),
    ) -> None:
        """Welcome placements on TVs, speakers and fridges, with the resident in charge."""

    named = next((word for word in argv if not word.startswith("-")), None)
    for name in [named] if named in _COMMANDS else _COMMANDS:
        import_module(f"edge_agent.cli.{name}").register(app)
    return app


def main() -> None:
    """Run the command line; expected errors become one sentence on stderr and exit code 1."""
    guard_streams()
    try:
        build(sys.argv[1:])()
    except EdgeAgentError as error:
        fail(error)
    except UnicodeEncodeError:
        fail("The command line, or a file, holds bytes that are no text.", "Write it in UTF-8.")
    except KeyboardInterrupt:
        sys.exit(130)
