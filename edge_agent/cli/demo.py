"""`edge-agent demo`: one home's whole day on virtual devices, in about a minute."""

from typing import Annotated

import typer

from edge_agent.cli.output import JsonOption, note, print_json, print_table


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    stay: Annotated[bool, typer.Option("--stay", help="Keep the pages open until Ctrl-C.")] = False,
    port: Annotated[int, typer.Option(help="Port of the home's page; 0 is any.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Play one home's whole day on virtual devices, and show what was placed, what was not and why.

    Real parts: a broker, three agents as processes, signed packs, firmware hooks, speech through Vosk. Needs the
    demo extra (`pip install 'edge-agent[demo]'`) and nothing that runs already; leaves nothing behind.
    """
    import asyncio

    from edge_agent.model.errors import SettingsError

    try:
        from edge_agent.standin.demo import interval, played_day
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("edge_agent"):
            raise
        raise SettingsError(
            f"The demo needs {error.name}, which is not installed.", "Run: pip install 'edge-agent[demo]'"
        ) from error

    async def play() -> None:
        async with played_day(note, port=port) as outcome:
            if as_json:
                print_json(
                    {
                        "rows": [
                            {
                                "at": row.at.isoformat(),
                                "device": row.device,
                                "moment": row.moment,
                                "placed": row.placed,
                                "what": row.what,
                                "why": row.why,
                            }
                            for row in outcome.rows
                        ],
                        "reports": outcome.reports,
                        "collected": [line.document() for line in outcome.collected],
                    }
                )
            else:
                placed = [(f"{r.at:%H:%M}", r.device, r.moment, r.what) for r in outcome.rows if r.placed]
                print_table("What was placed", ("time", "device", "moment", "placement"), placed)
                refused = [(f"{r.at:%H:%M}", r.device, r.moment, r.why) for r in outcome.rows if not r.placed]
                print_table("What was not, and why", ("time", "device", "moment", "reason"), refused)
                learnt = [
                    (f"{line.campaign}/{line.crid}", line.reports, interval(line), line.verdict)
                    for line in outcome.collected
                    if line.crid
                ]
                columns = ("creative", "reports", "homes reached (95 %)", "conclusion")
                print_table("What the collector could learn", columns, learnt)
            if stay:
                note(f"The home stays at {outcome.page} until Ctrl-C.")
                await asyncio.Event().wait()

    asyncio.run(play())
