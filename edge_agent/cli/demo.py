"""`edge-agent demo`: one home's whole day on virtual devices, in about a minute."""

from collections.abc import Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.cli.output import JsonOption, note, print_json, print_table

if TYPE_CHECKING:
    from edge_agent.standin.telling import Outcome

FLEET = Path("fleet")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    stay: Annotated[bool, typer.Option("--stay", help="Keep the pages open until Ctrl-C.")] = False,
    home: Annotated[
        bool, typer.Option("--home", help="No script: an open home for packs of your own, until Ctrl-C.")
    ] = False,
    fleet_dir: Annotated[Path, typer.Option(help="With --home: the fleet that its devices trust.")] = FLEET,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the home's page; 0 is any.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Play one home's whole day on virtual devices.

    Shows what was placed, what was not, and why; --home opens the same home without a script. Real parts: a broker,
    three agents as processes, signed packs, firmware hooks, speech through Vosk. Needs the demo extra
    (`pip install 'edge-agent[demo]'`) and nothing that runs already; leaves nothing behind but the fleet of --home.
    """
    import asyncio

    from edge_agent.model.errors import SettingsError

    try:
        import edge_agent.standin.demo  # noqa: F401  says early what is missing
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("edge_agent"):
            raise
        raise SettingsError(
            f"The demo needs {error.name}, which is not installed.", "Run: pip install 'edge-agent[demo]'"
        ) from error
    asyncio.run(
        _until_told(_stay_open(fleet_dir, port, as_json=as_json) if home else _play(port, stay=stay, as_json=as_json))
    )


async def _until_told(playing: Coroutine[Any, Any, None]) -> None:
    """Play, and end well on SIGTERM too: the devices are processes of their own, which must not outlive the demo."""
    import asyncio
    import signal
    from contextlib import suppress

    task = asyncio.ensure_future(playing)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


async def _stay_open(fleet_dir: Path, port: int, *, as_json: bool) -> None:
    import asyncio

    from edge_agent.standin.demo import own_home

    fleet = "" if fleet_dir == FLEET else f" --fleet-dir {fleet_dir}"
    async with own_home(note, fleet_dir, port=port) as opened:
        note(f"The home is at {opened.page}  (Ctrl-C closes it)")
        note("Publish to it from another terminal:")
        note(f'  edge-agent fleet pack new my-pack --advertiser me --poster PICTURE.png --text "What it says"{fleet}')
        note(f"  edge-agent fleet publish my-pack{fleet}")
        if as_json:
            where = {"page": opened.page, "broker": f"127.0.0.1:{opened.broker.port}", "fleet_dir": str(fleet_dir)}
            print_json(where)
        await asyncio.Event().wait()


async def _play(port: int, *, stay: bool, as_json: bool) -> None:
    import asyncio

    from edge_agent.standin.demo import played_day

    async with played_day(note, port=port) as outcome:
        if as_json:
            _print_json(outcome)
        else:
            _print_tables(outcome)
        if stay:
            note(f"The home stays at {outcome.page} until Ctrl-C.")
            await asyncio.Event().wait()


def _print_json(outcome: "Outcome") -> None:
    print_json(
        {
            "rows": [asdict(row) | {"at": row.at.isoformat()} for row in outcome.rows],
            "reports": outcome.reports,
            "collected": [line.document() for line in outcome.collected],
            "simulated": [asdict(row) for row in outcome.simulated],
        }
    )


def _print_tables(outcome: "Outcome") -> None:
    from edge_agent.standin.telling import interval

    placed = [(f"{row.at:%H:%M}", row.device, row.moment, row.what) for row in outcome.rows if row.placed]
    print_table("What was placed", ("time", "device", "moment", "placement"), placed)
    refused = [(f"{row.at:%H:%M}", row.device, row.moment, row.why) for row in outcome.rows if not row.placed]
    print_table("What was not, and why", ("time", "device", "moment", "reason"), refused)
    learnt = [
        (f"{line.campaign}/{line.crid}", line.reports, interval(line.estimates["reached"]), line.verdict)
        for line in outcome.collected
        if line.crid
    ]
    print_table(
        "What the collector could learn", ("creative", "reports", "homes reached (95 %)", "conclusion"), learnt
    )
    simulated = [(row.homes, interval(row.estimate), row.truth) for row in outcome.simulated]
    print_table(
        "The same question, asked of more homes (simulated)",
        ("homes", "estimated to have seen it (95 %)", "who really did"),
        simulated,
    )
