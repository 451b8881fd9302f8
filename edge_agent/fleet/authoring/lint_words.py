"""Checks the words of a creative: what it says, and what a person may answer. Pure; what is heard is asked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from edge_agent.fleet.authoring.finding import Finding, error, warning
from edge_agent.fleet.authoring.new_pack import PLACEHOLDER
from edge_agent.model.campaign import Creative
from edge_agent.model.formats import Format
from edge_agent.voice.dialogue import (
    MOST_ANSWERS,
    NotInterested,
    Stop,
    Why,
    belongs_to_the_resident,
    commands_for,
    intent_of,
)

_INSTEAD: Final = {
    Stop: "it closes the placement",
    NotInterested: "it closes the placement and keeps its campaign away",
    Why: "it says why the placement was chosen",
}
"""What the resident's own words do in every placement."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """What devices can hear.

    `unknown_words`, from a language and a phrase to its words that the speech model does not know; None without a
    model for it. `sounds_alike`, from a language and two phrases to whether the device cannot tell them apart.
    """

    unknown_words: Callable[[str, str], tuple[str, ...] | None]
    sounds_alike: Callable[[str, str, str], bool] = lambda _lang, _one, _other: False


def check_words(creative: Creative, hearing: Hearing) -> Iterator[Finding]:
    """Find words that nobody wrote, turns that nobody reaches, and answers that devices do not take as they stand."""
    if creative.transcript == PLACEHOLDER or not creative.transcript.strip():
        what = "the placeholder" if creative.transcript == PLACEHOLDER else "empty"
        yield error("placeholder", creative.crid, f"Its transcript is {what}.", "Write what it says or shows.")
    if creative.format is not Format.VOICE_DIALOGUE:
        return
    reached = {target for turn in creative.turns for target in turn.answers.values()}
    for turn in creative.turns[1:]:
        if turn.id not in reached:
            yield warning(
                "turn_unreached", creative.crid, f"No answer leads to the turn {turn.id}.", "Lead one to it."
            )
    yield from _check_residents_words(creative)
    yield from _check_sounds(creative, hearing)
    for phrase in sorted({phrase for turn in creative.turns for phrase in turn.answers}):
        unknown = hearing.unknown_words(creative.lang, phrase)
        if unknown is None:
            yield warning(
                "no_model",
                creative.crid,
                f'There is no speech model for "{creative.lang}" here, so its answers were not checked.',
                "Install one with edge-agent model install, or check them on a device.",
            )
            return
        if unknown:
            words = ", ".join(f'"{word}"' for word in unknown)
            yield error(
                "unknown_word",
                creative.crid,
                f'The answer "{phrase}" cannot be heard: the speech model does not know {words}.',
                "Choose other words, or add them with edge-agent model add-phrases.",
            )


def _check_residents_words(creative: Creative) -> Iterator[Finding]:
    for turn in creative.turns:
        if len(turn.answers) > MOST_ANSWERS:
            yield warning(
                "many_answers",
                creative.crid,
                f"The turn {turn.id} has {len(turn.answers)} answers, and only {MOST_ANSWERS} are listened for.",
                "Ask for less at once.",
            )
        for answer in turn.answers:
            instead = _INSTEAD.get(type(intent_of(answer, creative.lang, creative, turn.id)))
            if instead is not None:
                yield warning(
                    "residents_word",
                    creative.crid,
                    f'The answer "{answer}" is the resident\'s own word: {instead}, whatever turn {turn.id} says.',
                    "Choose other words for it.",
                )


def _check_sounds(creative: Creative, hearing: Hearing) -> Iterator[Finding]:
    """Find answers that devices cannot tell from the resident's words, and do not listen for, or from one another."""
    commands = (each for phrases in commands_for(creative.lang).values() for each in phrases)
    residents = [each for each in commands if belongs_to_the_resident(each)]
    for turn in creative.turns:
        for answer in turn.answers:
            if type(intent_of(answer, creative.lang, creative, turn.id)) in _INSTEAD:
                continue
            own = next((each for each in residents if hearing.sounds_alike(creative.lang, answer, each)), None)
            if own is not None:
                yield error(
                    "residents_sound",
                    creative.crid,
                    f'The answer "{answer}" sounds like "{own}", the resident\'s own: devices do not listen for it.',
                    "Choose other words for it.",
                )
        for (one, first), (other, second) in combinations(turn.answers.items(), 2):
            if first != second and hearing.sounds_alike(creative.lang, one, other):
                yield warning(
                    "answers_alike",
                    creative.crid,
                    f'The answers "{one}" and "{other}" of turn {turn.id} sound almost the same: neither is sure.',
                    "Choose other words for one of them.",
                )
