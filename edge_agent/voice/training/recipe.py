"""From nothing to a model directory, in the order of its steps (those after the first are in `steps`).

1. Check that every tool is installed.
2. Speak: synthetic utterances with the time of each phone (`corpus`).
3. Hear: augmentation and cepstra (`features`).
4. Fit the network to single frames (`fitting`).
5. Where there are recordings of people, let that network say where their phones are (`adaptation`), and hear them
   under drawn conditions too.
6. Refine the network, on the recordings too, until whole strings of phones win over others (`sequence`).
7. Write the network, the words, the settings (`model_directory`).
8. Rehearse, and write the model card.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from edge_agent.voice.training.errors import NoNetworkError
from edge_agent.voice.training.parallel import Report
from edge_agent.voice.training.requirements import check_requirements
from edge_agent.voice.training.texts import load_texts

UTTERANCES: Final = 22_000
MINUTES: Final = 14.0
"""About 6,000 steps on two free cores.

More names more frames of synthetic speech rightly and finds no more phrases of people: after 3,167 steps 67 %
of the frames and 84.0 % of the phrases, after 6,800 steps 76 % and 81.6 %, at one operating point.
"""

SEED: Final = 1


def train_model(
    out: Path,
    *,
    work: Path,
    language: str = "en",
    seed: int = SEED,
    minutes: float = MINUTES,
    report: Report,
    utterances: int = UTTERANCES,
    go_on: bool = False,
    start: Path | None = None,
    steps: int | None = None,
    adapt: Path | None = None,
) -> Path:
    """Train a model and return `out`, its directory; from synthetic speech alone where `adapt` is not given.

    `minutes` is the time for step 4 alone; the other steps take about ten minutes
    on two cores. `work` takes 4 GB and may be deleted afterwards; what it holds of an
    earlier run is replaced, but with `go_on` its network is where this one starts; give
    another seed then, which makes other speech. `start` is the network.pt of an English run whose
    hidden layers another language starts with. With `steps`, fitting ends after that many
    whatever the time is, so that what is learnt does not depend on the machine. `adapt` holds
    recordings of people to learn from too, as `adaptation` says. `report` gets lines for a person.

    Raise a `TrainingError`: `MissingToolsError`, `UnknownLanguageError` and
    `NoNetworkError` before anything is done, `NoRecordingsError` once there is a network.
    """
    if start is not None and not start.exists():
        raise NoNetworkError(start)
    load_texts(language)
    check_requirements(recordings=adapt is not None)

    # Threads that wait for each other actively lose most of their time where others use the cores too.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Imported once it is known that torch and numpy are there.
    from edge_agent.voice.training.steps import Order, carry_out  # noqa: PLC0415

    order = Order(
        out=out,
        work=work,
        language=language,
        seed=seed,
        minutes=minutes,
        utterances=utterances,
        go_on=go_on,
        start=start,
        steps=steps,
        adapt=adapt,
    )
    carry_out(order, report)
    return out
