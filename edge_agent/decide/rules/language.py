"""A placement speaks the language of the home."""

from typing import Final

from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate
from edge_agent.model.wording import Language, Said, Wording

NO_LANGUAGE: Final = "zxx"
"""ISO 639-2 for content without words, which suits every home."""

_OTHER: Final = Wording("language", 'It is in the language "{lang}", and this home\'s is "{home}".')


def reject(candidate: Candidate, question: Question) -> Said | None:
    """Reject another language; "en" fits a home that says "en-GB"."""
    lang, home = candidate.creative.lang, question.slot.lang
    if lang in {home, NO_LANGUAGE} or lang == home.replace("_", "-").partition("-")[0].lower():
        return None
    return _OTHER(lang=Language(lang), home=Language(home))
