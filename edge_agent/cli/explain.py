"""`edge-agent explain`: what was decided on this device, and why, as a person would read it."""

import contextlib
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any

import typer

from edge_agent.cli.explain_packs import explain_packs
from edge_agent.cli.output import CONFIG, ConfigOption, JsonOption, note, print_json
from edge_agent.cli.signal import SocketOption
from edge_agent.model.play import ProofOfPlay


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(explain)


def explain(
    config: ConfigOption = CONFIG,
    database: Annotated[Path | None, typer.Option(help="Read this database instead of the configured one.")] = None,
    last: Annotated[int, typer.Option("--last", min=1, max=5000, help="How many decisions, newest last.")] = 10,
    packs: Annotated[
        bool,
        typer.Option("--packs", help="Show the shelf in its place: what goes first when room is short, and why."),
    ] = False,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what was decided, and why.

    The newest decisions, what came of each, and why everything else was not placed; or, of the running agent, which
    packs it has, and which of them go first.
    """
    if packs:
        explain_packs(config, socket, as_json=as_json)
        return
    from edge_agent.measure.journal_reader import JournalReader

    zone: tzinfo = datetime.now(UTC).astimezone().tzinfo or UTC
    if database is None:
        from zoneinfo import ZoneInfo

        from edge_agent.settings.layers import load_settings

        settings = load_settings(config)
        database, zone = settings.measure.database, ZoneInfo(settings.timezone)
    with contextlib.closing(JournalReader.open_readonly(database)) as journal:
        decisions = journal.decisions(last)
        proofs = journal.proofs_of(decision["id"] for decision in decisions)
    played = {proof.decision_id: proof for proof in reversed(proofs)}  # of a dialogue's turns, the first
    if as_json:
        for decision in reversed(decisions):
            proof = played.get(decision["id"])
            print_json({**decision, "play": None if proof is None else _play_document(proof)})
        return
    if not decisions:
        note("No decision is on record: no moment has arisen yet, or what was decided was erased.")
    for decision in reversed(decisions):
        typer.echo("\n".join(sentences(decision, played.get(decision["id"]), zone)))


def sentences(decision: Mapping[str, Any], proof: ProofOfPlay | None, zone: tzinfo) -> list[str]:
    """Return what came of one moment as lines of text (pure)."""
    at = datetime.fromisoformat(decision["at"]).astimezone(zone)
    moment = decision["moment"]
    topic = f" ({moment['topic']})" if moment["topic"] else ""
    head = f"{at:%Y-%m-%d %H:%M:%S}  {moment['kind'].replace('_', ' ')}{topic}: "
    if decision["outcome"] == "refused":
        return [f"{head}nothing was placed. {decision['detail']} [{decision['rule']}]"]
    rejections = decision["rejections"]
    if decision["outcome"] == "no_fill":
        if not rejections:
            return [f"{head}nothing was placed. No pack has a creative for a {decision['slot']['format']} slot."]
        return [f"{head}nothing was placed. Every creative failed a rule:", *_reasons(rejections)]
    chosen = decision["chosen"]
    first = (
        f"{head}{chosen['campaign_name']} ({chosen['crid']}) was chosen for a {decision['slot']['format']} slot. "
        f"{_came_of_it(proof)}"
    )
    return [first, *_reasons(rejections)]


def _reasons(rejections: list[dict[str, str]]) -> list[str]:
    """Return one line a rejection; of many that failed the same rule, the first and a count."""
    shown, total = Counter[str](), Counter(one["rule"] for one in rejections)
    lines = []
    for one in rejections:
        shown[one["rule"]] += 1
        if shown[one["rule"]] == 1:
            more = f" (and {total[one['rule']] - 1} more)" if total[one["rule"]] > 1 else ""
            lines.append(f"    not {one['crid']} of {one['campaign']}: {one['detail']} [{one['rule']}]{more}")
    return lines


def _came_of_it(proof: ProofOfPlay | None) -> str:
    if proof is None:
        return "No play of it is on record."
    error = next((f" {event.detail}" for event in proof.events if event.detail), "")
    cause = "" if proof.close_cause is None else proof.close_cause.value.replace("_", " ")
    if not proof.was_rendered:
        closed = f", but closed before that ({cause})" if cause else ""
        return f"It was never rendered{closed}, so it does not count.{error}"
    if cause:
        return f"It was rendered and closed early ({cause})."
    last = proof.last_kind
    return f"It was rendered; the last that was reported of it is {last.value if last else 'nothing'}.{error}"


def _play_document(proof: ProofOfPlay) -> dict[str, Any]:
    return {
        "play_id": proof.play_id,
        "rendered": proof.was_rendered,
        "started_at": proof.started_at.isoformat(),
        "ended_at": None if proof.ended_at is None else proof.ended_at.isoformat(),
        "close_cause": proof.close_cause,
        "events": [
            {"kind": event.kind.value, "at": event.at.isoformat(), "t_ms": event.t_ms, "detail": event.detail}
            for event in proof.events
        ],
    }
