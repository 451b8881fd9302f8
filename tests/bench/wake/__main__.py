"""`python -m tests.bench.wake`: hit rate and false accepts on recordings of people, and what listening costs.

Each phrase is listened for in its own recordings (hits) and in other people's wake
words and other words (false accepts: the hardest kind of negative, words that
sound like wake words because they are).
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

THRESHOLDS: Final = (1e-20, 1e-10, 1e-1)
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
    parser.add_argument(
        "--no-sphinx", action="store_true", help="leave PocketSphinx out, which takes most of the time"
    )
    parser.add_argument("--threshold", type=float, action="append", help="one of PocketSphinx, may be given again")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--card", type=Path, help="a model card to write the table into")
    arguments = parser.parse_args()
    missing = [name for name in ("soundfile", "pocketsphinx", "numpy") if find_spec(name) is None]
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
    from edge_agent.voice.training.parallel import run_in_processes  # noqa: PLC0415  the modules below need the extra
    from tests.bench.wake.measuring import SNR_DB, Piece, measure  # noqa: PLC0415
    from tests.bench.wake.recordings import PHRASES  # noqa: PLC0415
    from tests.bench.wake.table import markdown  # noqa: PLC0415

    thresholds = () if arguments.no_sphinx else tuple(arguments.threshold or THRESHOLDS)
    pieces = [
        Piece(folder, arguments.model, phrase, condition, arguments.clips, arguments.minutes, thresholds)
        for condition in arguments.condition or ("clean", "noise")
        for phrase in arguments.phrase or PHRASES
    ]
    by_piece = run_in_processes(
        measure, pieces, what="wake, phrases", report=lambda line: print(line, file=sys.stderr, flush=True)
    )
    measured = [row for rows in by_piece for row in rows]
    table = markdown(measured)
    print(json.dumps([row.as_json() for row in measured], indent=1) if arguments.json else table)
    if arguments.card is not None:
        _fill_card(arguments.card, table, SNR_DB)


def _fill_card(card: Path, table: str, snr_db: float) -> None:
    before, _, rest = card.read_text().partition(_START)
    _, _, after = rest.partition(_END)
    explained = (
        "On recordings of people (`python -m tests.bench.wake`), grammar of the one phrase and `[unk]`: hit rate,\n"
        "and how many recordings of other people's wake words and other words were taken for the phrase. None of\n"
        f"them was trained on. Noise: pink noise and two people's talk by turns at {snr_db:g} dB."
    )
    card.write_text(f"{before}{_START}\n{explained}\n\n{table}\n{_END}{after}")


if __name__ == "__main__":
    sys.exit(main())
