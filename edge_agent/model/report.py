"""The one thing about plays that leaves a device. A separate type from `ProofOfPlay`, so that a leak is a type error.

A report answers a public question with local differential privacy: "on this day, what was the furthest that this
creative got in this home?" The question depends only on the public catalog, never on what happened, so that the
presence of a report says nothing; the answer is randomised (k-ary randomised response; Kairouz, Bonawitz, Ramage,
"Discrete Distribution Estimation under Local Privacy", ICML 2016).
"""

from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from edge_agent.model.identity import Identifier


class Reached(StrEnum):
    """The furthest that a creative got in one home on one day."""

    NOTHING = "nothing"
    IMPRESSION = "impression"
    COMPLETE = "complete"
    FOLLOWED_UP = "followed_up"


class ImpressionReport(BaseModel):
    """One randomised answer. It holds no identifier of a device, home, person, play or decision."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: int = Field(default=1, ge=1, le=1)
    day: date
    campaign: Identifier
    crid: Identifier
    epsilon: float = Field(gt=0, le=16)
    answer: Reached
