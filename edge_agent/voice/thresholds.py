"""How sure one must be of a phrase: what keeps false accepts to a number an hour (reads one small file).

The scores of what is not the phrase fall off exponentially: at a threshold t there are e^(rate - decay · t) false
accepts an hour of talk. `thresholds.json` beside a model's files says how steeply they fall (`decay`), and where they
begin (`rate`, a natural logarithm): for each phrase that was calibrated, and by its letters for every other, since
what is long is seldom said by chance. `python -m edge_agent.voice.training.calibration` writes it.

The one setting for a person is `sensitivity`, and means how many false accepts an hour of talk are aimed at:
0.05 at 0, 0.5 in the middle, 5 at 1, and ten times as many for each half in between.
"""

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, Self

from edge_agent.voice.grammar import as_written, normalise
from edge_agent.voice.patience import HOPELESS_SCORE
from edge_agent.voice.spotter import Detection, Verdict, letters_in

FILE: Final = "thresholds.json"

_MIDDLE_PER_HOUR: Final = 0.5
_RANGE: Final = 100.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ByLetters:
    """What is expected of a phrase that was not calibrated."""

    rate_of_none: float
    rate_of_each: float


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How false accepts depend on the threshold, with one model. `made` says on what, for a person."""

    made: str
    decay: float
    by_letters: ByLetters
    rates: Mapping[str, float]
    """By phrase, `as_written`."""

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Return what `to_json` wrote. Raise ValueError, with what is wrong, for anything else.

        Checked by hand: pydantic would be a fifth of what a process takes that only listens.
        """
        found = _object(json.loads(text), {field.name for field in fields(cls)})
        letters = _object(found["by_letters"], {field.name for field in fields(ByLetters)})
        made, decay, rates = found["made"], _number(found["decay"]), found["rates"]
        if not isinstance(made, str) or not isinstance(rates, dict) or decay <= 0:
            raise ValueError("made is no text, rates is no object, or decay is not above 0")
        return cls(
            made=made,
            decay=decay,
            by_letters=ByLetters(**{name: _number(value) for name, value in letters.items()}),
            rates={phrase: _number(rate) for phrase, rate in rates.items()},
        )

    def to_json(self) -> str:
        """Return one line for the file."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    def least_score(self, phrase: str, sensitivity: float) -> float:
        """Return the score that a phrase must reach: what is hopeless never does, whatever was (not) heard."""
        rate = self.rates.get(as_written(phrase))
        if rate is None:
            rate = self.by_letters.rate_of_none + self.by_letters.rate_of_each * letters_in(normalise(phrase))
        return max(HOPELESS_SCORE, (rate - math.log(most_per_hour(sensitivity))) / self.decay)


UNCALIBRATED: Final = Thresholds(
    made="for a model without a file of its own: a posterior of 0.61 in the middle, whatever the phrase",
    decay=1.0,
    by_letters=ByLetters(rate_of_none=-0.25, rate_of_each=0.0),
    rates={},
)
"""0.61 was measured with the first network of the recipe: two false accepts in 126 recordings of other words."""


def _object(value: Any, names: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != names:
        raise ValueError(f"not an object of {', '.join(sorted(names))}")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("not a number")
    return float(value)


def most_per_hour(sensitivity: float) -> float:
    """Return the false accepts an hour of talk that a sensitivity from 0 to 1 aims at."""
    return float(_MIDDLE_PER_HOUR * _RANGE ** (sensitivity - 0.5))


def thresholds_of(model: Path) -> Thresholds:
    """Return what stands beside a model's files. A file that cannot be read is logged and counts as none."""
    path = model / FILE
    try:
        return Thresholds.from_json(path.read_bytes())
    except FileNotFoundError:
        return UNCALIBRATED
    except (OSError, ValueError, OverflowError, RecursionError) as error:
        _log.warning("%s is not used: %s. Install the model again.", path, error)
        return UNCALIBRATED


def verdict_of(model: Path, sensitivity: float) -> Verdict:
    """Return the verdict on every phrase that is heard with the model in that directory."""
    thresholds = thresholds_of(model)
    least: dict[str, float] = {}

    def is_enough(candidate: Detection) -> bool:
        if candidate.phrase not in least:
            least[candidate.phrase] = thresholds.least_score(candidate.phrase, sensitivity)
        return candidate.score >= least[candidate.phrase]

    return is_enough
