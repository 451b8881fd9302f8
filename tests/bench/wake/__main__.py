"""`python -m tests.bench.wake`: hit rate and false accepts on recordings of people, and what listening costs.

Each phrase is listened for in its own recordings (hits) and in other people's wake
words and other words (false accepts: the hardest kind of negative, words that
sound like wake words because they are).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final

PHRASE_THRESHOLDS: Final = (1e-20, 1e-10, 1e-5, 1e-1)
SNR_DB: Final = 10.0
_MODEL: Final = Path(__file__).parents[3] / "edge_agent" / "voice" / "models" / "en"
_START, _END = "<!-- measured: start -->", "<!-- measured: end -->"


def main() -> int:
    """Measure as the arguments say; 0 also where there is nothing to measure with, after one sentence."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.wake", description=__doc__)
    parser.add_argument("--model", type=Path, default=_MODEL)
    parser.add_argument("--clips", type=int, default=150, help="recordings of each phrase, at most")
    parser.add_argument("--minutes", type=float, default=20.0, help="of negatives for each phrase")
    parser.add_argument("--phrase", action="append", help="only this one; may be given again")
    parser.add_argument("--condition", choices=("clean", "noise"), action="append")
    parser.add_argument("--no-sphinx", action="store_true", help="leave PocketSphinx out")
    parser.add_argument("--threshold", type=float, action="append", help="one of PocketSphinx, may be given again")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--card", type=Path, help="a model card to write the table into")
    arguments = parser.parse_args()
    missing = [name for name in ("soundfile", "pocketsphinx") if find_spec(name) is None]
    if missing:
        print(f"wake: skipped, because the extra `bench` is not installed ({', '.join(missing)}).", file=sys.stderr)
        return 0

    from tests.bench.wake.recordings import VARIABLE, find_recordings  # noqa: PLC0415  needs the extra

    folder = find_recordings()
    if folder is None:
        print(f"wake: skipped, because {VARIABLE} names no folder with recordings.", file=sys.stderr)
        return 0
    _measure_and_print(arguments, folder)
    return 0


def _measure_and_print(arguments: argparse.Namespace, folder: Path) -> None:
    from tests.bench.wake.listeners import AgentListener, Listener, ModelListener, SphinxListener, tally  # noqa: PLC0415
    from tests.bench.wake.recordings import (  # noqa: PLC0415
        PHRASES,
        Clip,
        Condition,
        negatives,
        positives,
        with_noise,
    )
    from tests.bench.wake.table import Measured, markdown  # noqa: PLC0415

    listeners: dict[str, Callable[[str], Listener]] = {
        "our model": partial(ModelListener, arguments.model),
        "in the agent": partial(AgentListener, arguments.model),
    }
    for threshold in () if arguments.no_sphinx else arguments.threshold or PHRASE_THRESHOLDS:
        listeners[f"PocketSphinx {threshold:g}"] = partial(SphinxListener, threshold=threshold)

    def measure(phrase: str, condition: Condition) -> Iterator[Measured]:
        said: list[Clip] = positives(folder, phrase, arguments.clips)
        others: list[Clip] = negatives(folder, phrase, arguments.minutes)
        if condition == "noise":
            said, others = with_noise(said, folder, SNR_DB), with_noise(others, folder, SNR_DB)
        for name, make in listeners.items():
            print(f"{phrase}, {condition}: {name}", file=sys.stderr, flush=True)
            listener = make(phrase)
            yield Measured(name, phrase, condition, tally(listener, said), tally(listener, others))

    conditions: tuple[Condition, ...] = tuple(arguments.condition or ("clean", "noise"))
    measured = [
        row
        for condition in conditions
        for phrase in (arguments.phrase or PHRASES)
        for row in measure(phrase, condition)
    ]
    table = markdown(measured)
    print(json.dumps([row.as_json() for row in measured], indent=1) if arguments.json else table)
    if arguments.card is not None:
        _fill_card(arguments.card, table)


def _fill_card(card: Path, table: str) -> None:
    before, _, rest = card.read_text().partition(_START)
    _, _, after = rest.partition(_END)
    explained = (
        "On recordings of people (`python -m tests.bench.wake`), grammar of the one phrase and `[unk]`: hit rate,\n"
        "and how many recordings of other people's wake words and other words were taken for the phrase. None of\n"
        f"them was trained on. Noise: pink noise and two people's talk by turns at {SNR_DB:g} dB."
    )
    card.write_text(f"{before}{_START}\n{explained}\n\n{table}\n{_END}{after}")


if __name__ == "__main__":
    sys.exit(main())
