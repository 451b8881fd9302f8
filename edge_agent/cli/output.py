"""What every command prints in the same way: JSON lines, tables, progress and errors."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from edge_agent.model.errors import EdgeAgentError, on_one_line

NARROW: Final = 60
"""A terminal of fewer columns shows no table that a person could read."""

CONFIG: Final = Path("/etc/edge-agent/agent.toml")
ConfigOption = Annotated[Path, typer.Option(readable=False, help="agent.toml of this device.")]
"""Whether it can be read is found out when it is, so that the answer has a next step."""

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]


def print_json(value: Any) -> None:
    """Print one JSON value on one line."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table for a person; where the terminal is as narrow as a phone, each row as a few lines."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    told = [[on_one_line(str(cell)) for cell in row] for row in rows]
    if Console().width < NARROW:
        typer.echo("\n".join([title, *stacked(columns, told)]))
        return
    table = Table(title=Text(title), title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")  # a name that is cut short could be another's
    for row in told:
        table.add_row(*map(Text, row))  # what devices say of themselves is no markup
    Console().print(table)


def stacked(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Return each row as lines: its first cell, then every other that is not empty with its column's name."""
    lines = []
    for row in rows:
        first, *others = (str(cell) for cell in row)
        named = [(column, cell) for column, cell in zip(columns[1:], others, strict=True) if cell]
        lines += [first, *(f"  {column}: {cell}" if column else f"  {cell}" for column, cell in named)]
    return lines


def note(text: str) -> None:
    """Say something to the person on stderr, where it does not mix with results."""
    typer.echo(text, err=True)


@contextmanager
def progress_bar(*, of_bytes: bool = True) -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar on stderr while something takes long, where a person is watching.

    It is told what is going on, how much is done and how much there is: bytes, or so many of anything else.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    how_much = DownloadColumn() if of_bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), how_much, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what.capitalize(), total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield show


def size(length: int) -> str:
    """Return a number of bytes as a person reads it."""
    kib = 1024
    return (
        f"{length} B"
        if length < kib
        else f"{length / kib:.0f} KiB"
        if length < kib**2
        else f"{length / kib**2:.1f} MiB"
    )


def counted(number: int, what: str) -> str:
    """Return so many of what a word names in English, such as `1 asset` and `2 assets`."""
    return f"{number} {what}{'s' if number != 1 else ''}"


def error_document(error: EdgeAgentError) -> dict[str, object]:
    """Return what a program is told of an error: what happened, and what can be done."""
    return {"error": str(error), "next_step": error.next_step}


def fail(
    error: EdgeAgentError | str, next_step: str = "", *, details: Mapping[str, object] | None = None
) -> NoReturn:
    """Print one sentence with the next step on stderr, for a program as JSON on stdout too, and leave with code 1."""
    told = error if isinstance(error, EdgeAgentError) else EdgeAgentError(error, next_step)
    typer.echo(f"edge-agent: {told.for_person()}", err=True)
    if "--json" in sys.argv[1:]:
        print_json({**error_document(told), **(details or {})})
    sys.exit(1)
