"""`python -m edge_agent.voice.training --out DIR`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from edge_agent.voice.training import MINUTES, SEED, TrainingError, train_model
from edge_agent.voice.training.recipe import UTTERANCES
from edge_agent.voice.training.texts import LANGUAGES


def main() -> int:
    """Train as the arguments say; 0 when the model is written, 2 when that cannot be."""
    parser = argparse.ArgumentParser(prog="python -m edge_agent.voice.training", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the model directory to write")
    parser.add_argument("--work", type=Path, help="a folder with room for 4 GB; a temporary one where not given")
    parser.add_argument("--language", default="en", choices=LANGUAGES)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of fitting; the rest takes about ten more")
    parser.add_argument("--go-on", action="store_true", help="from the network that an earlier run left in --work")
    parser.add_argument("--utterances", type=int, default=UTTERANCES)
    parser.add_argument("--start", type=Path, help="an English run's network.pt, for another language to start from")
    parser.add_argument("--steps", type=int, help="of fitting, whatever the time is")
    parser.add_argument("--adapt", type=Path, help="a folder of people's recordings to learn from too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edge-agent-training-") as scratch:
        try:
            train_model(
                arguments.out,
                work=arguments.work or Path(scratch),
                language=arguments.language,
                seed=arguments.seed,
                minutes=arguments.minutes,
                utterances=arguments.utterances,
                go_on=arguments.go_on,
                start=arguments.start,
                steps=arguments.steps,
                adapt=arguments.adapt,
                report=lambda line: print(line, flush=True),
            )
        except TrainingError as error:
            print(error, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
