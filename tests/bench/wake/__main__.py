"""`python -m tests.bench.wake`: how well phrases are heard from real people, beside PocketSphinx, against the aims.

Each phrase is listened for in its own recordings (hits), and in other people's wake words and other words, in
synthetic talk and in words that sound like it (false accepts). Misses are given at the threshold that keeps to half
a false accept an hour, for each phrase its own; the curves over all thresholds come with --json. Of the recordings
only those are heard that no model was adapted on.

The whole of it takes about half an hour on two free cores; --clips and --hours make it shorter. PocketSphinx hears
the same recordings and near-words, and an hour of the talk (--sphinx-hours).
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

_MODEL: Final = Path(__file__).parents[3] / "edge_agent" / "voice" / "models" / "en"
_START, _END = "<!-- measured: start -->", "<!-- measured: end -->"


def main() -> int:
    """Measure as the arguments say; 0 also where there is nothing to measure with, after one sentence."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.wake", description=__doc__)
    parser.add_argument("--model", type=Path, default=_MODEL)
    parser.add_argument("--clips", type=int, default=1000, help="recordings of each folder, at most")
    parser.add_argument("--hours", type=float, default=4.5, help="of synthetic talk")
    parser.add_argument("--phrase", action="append", help="only this one; may be given again")
    parser.add_argument("--condition", choices=("clean", "noise"), action="append")
    parser.add_argument("--sphinx-hours", type=float, default=1.0, help="of that talk, for PocketSphinx, at most")
    parser.add_argument("--no-sphinx", action="store_true", help="leave PocketSphinx out")
    parser.add_argument("--no-device", action="store_true", help="leave cost, latency, memory and sizes out")
    parser.add_argument(
        "--json", nargs="?", const="-", help="every curve too, into this file; instead, if none is named"
    )
    parser.add_argument("--card", type=Path, help="a model card to write the table into")
    arguments = parser.parse_args()
    missing = [name for name in ("soundfile", "pocketsphinx", "numpy") if find_spec(name) is None]
    if missing:
        _say(f"wake: skipped, because the extra `bench` is not installed ({', '.join(missing)}).")
        return 0

    from edge_agent.voice.training.errors import MissingToolsError  # noqa: PLC0415  needs the extra
    from edge_agent.voice.training.requirements import check_requirements  # noqa: PLC0415
    from tests.bench.wake.recordings import VARIABLE, find_recordings  # noqa: PLC0415

    folder = find_recordings()
    if folder is None:
        _say(f"wake: skipped, because {VARIABLE} names no folder with recordings.")
        return 0
    try:
        check_requirements()
    except MissingToolsError as error:
        _say(f"wake: skipped, because talk cannot be made: {error}")
        return 0
    _measure_and_print(arguments, folder)
    return 0


def _measure_and_print(arguments: argparse.Namespace, people: Path) -> None:
    from edge_agent.voice.thresholds import thresholds_of  # noqa: PLC0415  the modules below need the extra
    from tests.bench.wake.device import measure_device  # noqa: PLC0415
    from tests.bench.wake.measuring import (  # noqa: PLC0415
        ListenerName,
        Part,
        core_share,
        parts_to_play,
        play,
        with_less_talk,
    )
    from tests.bench.wake.recordings import PHRASES  # noqa: PLC0415
    from tests.bench.wake.table import aims, document, print_table, rocs_of  # noqa: PLC0415

    device = {} if arguments.no_device else measure_device(arguments.model)
    phrases = tuple(arguments.phrase or PHRASES)
    parts = parts_to_play(people, phrases, clips=arguments.clips, hours=arguments.hours, report=_say)
    heard: dict[ListenerName, list[Part]] = {"agent": parts}
    if not arguments.no_sphinx:
        heard["PocketSphinx"] = with_less_talk(parts, arguments.sphinx_hours)
    played = play(
        heard,
        tuple(arguments.condition or ("clean", "noise")),
        people=people,
        model=arguments.model,
        report=_say,
    )
    rocs, costs = rocs_of(played), core_share(played)
    rows = aims(rocs, device)
    table = print_table(rocs, rocs_of(played, near_words=False), rows, costs, thresholds_of(arguments.model))
    curves = json.dumps(document(rocs, rows, costs), indent=1)
    print(curves if arguments.json == "-" else table)
    if arguments.json not in {None, "-"}:
        Path(arguments.json).write_text(curves + "\n", encoding="utf-8")
    if arguments.card is not None:
        command = f"`python -m tests.bench.wake --clips {arguments.clips} --hours {arguments.hours:g}`"
        _fill_card(arguments.card, f"{command}, on recordings that the model was not adapted on:\n\n{table}")


def _fill_card(card: Path, measured: str) -> None:
    before, _, rest = card.read_text(encoding="utf-8").partition(_START)
    _, _, after = rest.partition(_END)
    card.write_text(f"{before}{_START}\n{measured}\n{_END}{after}", encoding="utf-8")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
