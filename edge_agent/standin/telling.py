"""What became of the day, as the page and the terminal show it. Pure but for its random draws."""

import json
from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from random import random
from typing import Any

from edge_agent.debug.said import said_view
from edge_agent.fleet.reports.store import Counter
from edge_agent.fleet.reports.totals import STAGES, Line, lines
from edge_agent.measure.randomiser import Estimate, estimate, randomise
from edge_agent.model.report import Reached
from edge_agent.standin.day import Row
from edge_agent.standin.home import CollectorUpdate, Spoken, Table
from edge_agent.standin.home import Estimate as Shown
from edge_agent.standin.operator import Overheard


@dataclass(frozen=True, slots=True)
class Simulated:
    """What the collector would work out of many homes' answers to one question, beside what is true there."""

    homes: int
    truth: int
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the day: its table, and what the collector made of the reports."""

    rows: tuple[Row, ...]
    collected: tuple[Line, ...]
    simulated: tuple[Simulated, ...]
    reports: int
    page: str
    runtime: Mapping[str, Path]
    """Each device's folder of virtual screen and speaker, for as long as the home is open."""


def many_homes(epsilon: float) -> tuple[Simulated, ...]:
    """Ask the same question of many simulated homes, three in ten of which saw the creative: real draws, real sums.

    One home says nothing; this shows that many do.
    """
    found = []
    for homes in (100, 1_000, 10_000):
        truth = 3 * homes // 10
        answers = Tally(
            randomise(Reached.COMPLETE if home < truth else Reached.NOTHING, epsilon, random())  # noqa: S311  no secret
            for home in range(homes)
        )
        found.append(Simulated(homes, truth, estimate(answers, STAGES["reached"], epsilon)))
    return tuple(found)


def collector_view(counters: Sequence[Counter], overheard: Overheard, homes: int) -> CollectorUpdate:
    """Return what the collector knows, beside what passed the broker."""
    return CollectorUpdate(
        sealed_messages=overheard.messages,
        sealed_bytes=overheard.length_bytes,
        sample_hex=overheard.sample.hex(),
        homes=homes,
        epsilon=counters[0].epsilon if counters else 0.0,
        answers=[
            {"label": f"{counter.campaign}/{counter.crid}", "answer": counter.answer.value, "count": counter.reports}
            for counter in counters
        ],
        estimates=[
            {
                "label": f"{line.campaign}/{line.crid}",
                "answer": "reached",
                "estimate": line.estimates["reached"].value,
                "low": line.estimates["reached"].low,
                "high": line.estimates["reached"].high,
            }
            for line in lines(counters)
            if line.crid
        ],
    )


def simulated_view(many: Simulated) -> Shown:
    """Return one row of simulated homes for the page."""
    return {
        "label": {"en": f"{many.homes:,} homes", "zh": f"{many.homes:,} 户"},
        "answer": "reached",
        "estimate": many.estimate.value,
        "low": many.estimate.low,
        "high": many.estimate.high,
        "truth": many.truth,
        "of": many.homes,
    }


def tables(outcome: Outcome) -> tuple[Table, ...]:
    """Return the day in tables."""
    return (
        Table(
            title={"en": "What was placed", "zh": "投放了什么"},
            columns=[
                {"en": "time", "zh": "时间"},
                {"en": "device", "zh": "设备"},
                {"en": "moment", "zh": "时机"},
                "",
            ],
            rows=[[f"{row.at:%H:%M}", _device(row), _moment(row), _what(row)] for row in outcome.rows if row.placed],
        ),
        Table(
            title={"en": "What was not, and why", "zh": "没有投放什么，以及原因"},
            columns=[
                {"en": "time", "zh": "时间"},
                {"en": "device", "zh": "设备"},
                {"en": "moment", "zh": "时机"},
                {"en": "reason", "zh": "原因"},
            ],
            rows=[
                [f"{row.at:%H:%M}", _device(row), _moment(row), Spoken(en=row.why, said=row.said)]
                for row in outcome.rows
                if not row.placed
            ],
        ),
        Table(
            title={"en": "What the collector could learn", "zh": "汇总方能得知什么"},
            columns=[
                {"en": "creative", "zh": "创意"},
                {"en": "reports", "zh": "报告"},
                {"en": "homes reached", "zh": "触达家庭"},
                {"en": "conclusion", "zh": "结论"},
            ],
            rows=[
                [
                    f"{line.campaign}/{line.crid}",
                    line.reports,
                    _interval(line.estimates["reached"]),
                    _conclusion(line),
                ]
                for line in outcome.collected
                if line.crid
            ],
        ),
        Table(
            title={
                "en": "The same question, asked of more homes (simulated)",
                "zh": "向更多家庭提出同样的问题（模拟）",
            },
            columns=[
                {"en": "homes", "zh": "家庭"},
                {"en": "estimated to have seen it", "zh": "估计看过的家庭"},
                {"en": "who really did", "zh": "实际看过的家庭"},
            ],
            rows=[[row.homes, _interval(row.estimate), row.truth] for row in outcome.simulated],
        ),
    )


def _moment(row: Row) -> dict[str, str]:
    kind, _, topic = row.moment.partition(" ")
    return {
        lang: " · ".join(filter(None, (words[f"moment.{kind}"], words.get(f"topic.{topic}", topic))))
        for lang, words in _words().items()
    }


def _what(row: Row) -> dict[str, str]:
    return {lang: f"{row.campaign} · {words[f'format.{row.format}']}" for lang, words in _words().items()}


def _conclusion(line: Line) -> Spoken:
    return Spoken(en=line.verdict, said=said_view(line.conclusion))


def _interval(found: Estimate) -> dict[str, str]:
    english = interval(found)
    return {"en": english, "zh": english.replace(" to ", "–")}


def _device(row: Row) -> dict[str, str]:
    return {lang: words[f"device.{row.device}"] for lang, words in _words().items()}


@cache
def _words() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((files("edge_agent.debug") / "page" / "words.json").read_text("utf-8"))
    return found


def interval(found: Estimate) -> str:
    """Return an estimate with its 95 % interval, whose own bounds are possible numbers of homes.

    The unbiased estimate may lie outside what is possible; a person is shown the nearest that is.
    """
    return f"{min(max(found.value, found.low), found.high):.1f} ({found.low:.0f} to {found.high:.0f})"
