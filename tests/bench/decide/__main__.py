"""How long one decision takes, at 100 and at 10,000 line items.

Run `python -m tests.bench.decide [--rounds N] [--json]`. Nothing here passes or fails: it prints what it measured.

Three shelves, each with 366 days of history (20 impressions a day): *mixed*, where line items differ in flight,
topic, language and caps, so that rules fail at different depths; *all eligible*, where every candidate passes every
rule (frequency caps on all four scopes, even pacing) and is ranked, the most work that there can be; and *none*,
where the resident blocked the category of every campaign. What is worked out once for a catalog is done before; what
is worked out once for a history (after each impression) is in the slowest round.
"""

import argparse
import gc
import json
import statistics
import sys
from collections.abc import Callable
from datetime import timedelta
from random import Random
from time import perf_counter, process_time
from typing import Any

from edge_agent.decide.decision import decide
from edge_agent.model.campaign import CapScope, Flight, FrequencyCap, LineItem, Targeting
from edge_agent.model.catalog import Catalog
from edge_agent.model.decision import Selected
from edge_agent.model.device import History, ResidentLimits, Surroundings
from edge_agent.model.moment import MomentKind
from tests.shelf import NOON, catalog, creative, impression, line_item, pack, slot, surroundings

PER_CAMPAIGN = 10
CAPS = tuple(FrequencyCap(scope=scope, count=1000, per=timedelta(days=7)) for scope in CapScope)


def mixed(index: int, dice: Random) -> LineItem:
    """A booking as it comes: one in three runs now, for one topic in four, with a cap or two."""
    start = NOON + timedelta(days=dice.uniform(-30, 10))
    return line_item(
        f"item-{index}",
        (f"poster-{index}",),
        flight=Flight(start=start, end=start + timedelta(days=dice.uniform(5, 30))),
        targeting=Targeting(moments=(MomentKind.IDLE,), topics=dice.choice([(), (), (), ("weather",)])),
        priority=dice.randint(1, 10),
        caps=tuple(dice.sample(CAPS, dice.randint(1, 2))),
        pacing=dice.choice(["asap", "even"]),
        goal=dice.randint(10, 200),
    )


def welcome(index: int, dice: Random) -> LineItem:
    """A booking that passes every rule, slowly."""
    del dice
    return line_item(f"item-{index}", (f"poster-{index}",), caps=CAPS, pacing="even", goal=50)


def shelf(count: int, make: Callable[[int, Random], LineItem], dice: Random) -> Catalog:
    """Return a catalog of `count` line items, ten to a campaign."""
    packs = []
    for first in range(0, count, PER_CAMPAIGN):
        items = [make(index, dice) for index in range(first, min(first + PER_CAMPAIGN, count))]
        lang = "de" if make is mixed and dice.random() < 0.25 else "en"
        creatives = [creative(item.crids[0], lang=lang) for item in items]
        number = first // PER_CAMPAIGN
        packs.append(
            pack(
                *items, name=f"campaign-{number}", creatives=creatives, advertiser=f"acme-{number % 50}", cat=("7-1",)
            )
        )
    return catalog(*packs)


def past(count: int, dice: Random) -> History:
    """Return a year of impressions, spread over the line items."""
    impressions = []
    for number in range(366 * 20):
        index = dice.randrange(count)
        at = NOON - timedelta(days=366) * (1 - number / (366 * 20))
        campaign = index // PER_CAMPAIGN
        impressions.append(
            impression(
                at,
                crid=f"poster-{index}",
                line_item=f"item-{index}",
                campaign=f"campaign-{campaign}",
                advertiser=f"acme-{campaign % 50}",
            )
        )
    return History(tuple(impressions))


def measured(on: Catalog, around: Surroundings, rounds: int) -> dict[str, Any]:
    """Decide `rounds` times; return times in milliseconds and what came of the last."""
    opening = slot()
    eligible = outcome = None
    on.candidates(opening.format)
    times, busy = [], []
    gc.collect()
    for number in range(rounds):
        began, busy_before = perf_counter(), process_time()
        outcome = decide(opening, on, around, NOON + timedelta(seconds=number), (number % 97) / 97)
        times.append((perf_counter() - began) * 1000)
        busy.append((process_time() - busy_before) * 1000)
    if outcome is not None:
        outranked = sum(rejection.rule == "outranked" for rejection in outcome.rejections)
        eligible = outranked + isinstance(outcome, Selected)
    return {
        "eligible": eligible,
        "median_ms": round(statistics.median(times), 2),
        "p99_ms": round(statistics.quantiles(times, n=100)[98], 2),
        "cpu_median_ms": round(statistics.median(busy), 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    asked = parser.parse_args()
    if not asked.json:
        print(f"{'shelf':<14}{'line items':>11}{'eligible':>10}{'median ms':>11}{'p99 ms':>9}{'CPU median ms':>15}")
    for count in (100, 10_000):
        dice = Random(count)
        around = surroundings(history=past(count, dice))
        blocked = surroundings(history=around.history, limits=ResidentLimits(blocked_cat=frozenset({"7"})))
        for name, make, where in (
            ("mixed", mixed, around),
            ("all eligible", welcome, around),
            ("none", welcome, blocked),
        ):
            row = {"shelf": name, "line_items": count} | measured(shelf(count, make, dice), where, asked.rounds)
            if asked.json:
                print(json.dumps(row))
            else:
                print("{:<14}{:>11,}{:>10,}{:>11}{:>9}{:>15}".format(*row.values()))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
