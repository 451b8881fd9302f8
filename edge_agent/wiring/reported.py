"""What the fleet is told of a device. Pure; `presence` publishes it."""

from collections.abc import Mapping
from typing import Final

from edge_agent import __version__
from edge_agent.link.reported_state import ConfigOutcome, Health, ReportedConfig, ReportedState
from edge_agent.model.device import Microphone
from edge_agent.troubles import Trouble
from edge_agent.wiring.trial import ConfigOutcome as TriedConfig

MAX_PROBLEMS: Final = 8
MAX_PROBLEM_CHARS: Final = 200
_OF_A_PACK: Final = ("pack ", "manifest ")


def told_problems(lasting: Mapping[str, Trouble]) -> tuple[str, ...]:
    """Return what the fleet is told of the troubles that last, by subject.

    What a hook says may name the picture that it was to show, so of hooks it is told only that they fail. Single
    packs come last: an advertiser may have any number of them fail, and must not hide a full disk by it.
    """
    told = (
        f"The {subject} fails; the device's own log says why." if subject.endswith(" hook") else trouble.what
        for subject, trouble in sorted(lasting.items(), key=lambda item: item[0].startswith(_OF_A_PACK))
    )
    return tuple(sentence[:MAX_PROBLEM_CHARS] for sentence in told)[:MAX_PROBLEMS]


def reported_state(
    profile: str,
    tried: TriedConfig,
    lasting: Mapping[str, Trouble],
    *,
    repository_version: int | None,
    microphone: Microphone,
) -> ReportedState:
    """Return the state of a device that is there. Nothing in it is about plays."""
    config = None
    if tried.outcome != "none" and tried.version is not None:
        config = ReportedConfig(
            version=tried.version,
            outcome=ConfigOutcome(tried.outcome),
            reason=tried.detail[:MAX_PROBLEM_CHARS] or None,
        )
    problems = told_problems(lasting)
    return ReportedState(
        online=True,
        version=__version__,
        profile=profile,
        config=config,
        repository_version=repository_version,
        health=Health.DEGRADED if problems else Health.OK,
        problems=problems,
        microphone=microphone,
    )
