"""`edge-agent fleet collect` and `edge-agent fleet report`: what a fleet's anonymous reports add up to."""

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.cli.fleet_options import BrokerOption, MqttVersion, ProtocolOption, check_root
from edge_agent.cli.output import JsonOption, fail, note, print_json, print_table

FleetDir = Annotated[Path, typer.Option("--fleet-dir", help="The fleet's folder, as `fleet keys init` made it.")]


def register(fleet_app: typer.Typer) -> None:
    """Add both commands to the fleet group."""
    fleet_app.command()(collect)
    fleet_app.command()(report)


def collect(
    broker: BrokerOption = None,
    fleet_dir: FleetDir = Path("fleet"),
    seconds: Annotated[float | None, typer.Option("--for", min=0, help="Stop after this many seconds.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Stop when the broker has nothing more.")] = False,
    root: Annotated[str, typer.Option(help="Topic root of the fleet.")] = "edge",
    name: Annotated[str, typer.Option(help="Name of this collector; two at once need two names.")] = "main",
    share: Annotated[str | None, typer.Option(help="Divide the work with others of this group (MQTT 5.0).")] = None,
    credentials_file: Annotated[Path | None, typer.Option(help="A file that holds user:password.")] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Connect with TLS.")] = False,
    ca_file: Annotated[Path | None, typer.Option(help="Authority that signed the broker's certificate.")] = None,
    protocol: ProtocolOption = MqttVersion.AUTO,
    as_json: JsonOption = False,
) -> None:
    """Take sealed reports from the broker and count them.

    Goes on until interrupted, unless --once or --for says otherwise.
    """
    from edge_agent.fleet.publishing.broker import broker_of, parse_broker
    from edge_agent.fleet.reports.collect import collect as run_collector
    from edge_agent.fleet.reports.subscription import CollectorSettings
    from edge_agent.link.credentials import read_credentials, tls_context

    host, port = parse_broker(broker or broker_of(fleet_dir), tls=tls)
    check_root(root)
    credentials = None if credentials_file is None else read_credentials(credentials_file)
    settings = CollectorSettings(
        host=host,
        port=port,
        fleet_dir=fleet_dir,
        root=root,
        name=name,
        share=share,
        user=None if credentials is None else credentials.user,
        password=None if credentials is None else credentials.password,
        tls=tls_context(ca_file) if tls else None,
        protocol=protocol.value,
    )
    stop, collecting = threading.Event(), threading.Event()

    def end(*_: object) -> None:
        stop.set()
        if not collecting.is_set():  # nothing was taken that would have to be counted: no reason to wait for a broker
            raise KeyboardInterrupt

    def begun() -> None:
        collecting.set()
        note(f"Collecting {settings.topic_filter} …")

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    tally = run_collector(settings, stop, once=once, seconds=seconds, ready=begun)
    if as_json:
        print_json({"accepted": tally.accepted, "duplicates": tally.duplicates, "refused": tally.refused})
    else:
        typer.echo(f"{tally.accepted} new reports, {tally.duplicates} seen before, {tally.refused} refused.")


def report(fleet_dir: FleetDir = Path("fleet"), as_json: JsonOption = False) -> None:
    """Print estimated reach per campaign, creative and day.

    Each number has the interval that holds the truth 19 times in 20.
    """
    from edge_agent.fleet.reports.store import STORE_NAME, ReportStore
    from edge_agent.fleet.reports.totals import STAGES, Line, lines
    from edge_agent.measure.randomiser import Estimate

    if not fleet_dir.is_dir():
        fail(f"There is no folder {fleet_dir}.", "Name the fleet's folder with --fleet-dir.")
    path = fleet_dir / STORE_NAME
    found: list[Line] = []
    if path.exists():
        store = ReportStore(path)
        try:
            found = lines(store.counters())
        finally:
            store.close()
    if as_json:
        print_json({"v": 1, "lines": [line.document() for line in found]})
        return
    if not found:
        note(f"No reports yet in {path}. Devices report after their day ends; run `edge-agent fleet collect`.")
        return

    def cell(estimate: Estimate) -> str:
        # The unbiased estimate may lie outside what is possible; a person is shown the nearest that is.
        shown = min(max(estimate.value, 0), estimate.homes)
        return f"{shown:,.0f} ({estimate.low:,.0f} to {estimate.high:,.0f})"

    print_table(
        "Estimated homes, with 95 % intervals",
        ["campaign", "creative", "day", "reports", *(stage.replace("_", " ") for stage in STAGES), "conclusion"],
        [
            [
                line.campaign,
                line.crid or "all, in home-days",
                line.day or "all",
                line.reports,
                *(cell(line.estimates[stage]) for stage in STAGES),
                line.verdict,
            ]
            for line in found
        ],
    )
