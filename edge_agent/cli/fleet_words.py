"""What lint asks of the voice room, wired: what a language's packaged speech model knows, and can tell apart."""

from functools import cache
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_agent.fleet.authoring.lint_words import Hearing
    from edge_agent.voice.grammar import Vocabulary
    from edge_agent.voice.models import Model


def hearing() -> "Hearing":
    """Wire the voice room: what devices can hear of a phrase, by their own vocabulary and rules."""
    from edge_agent.fleet.authoring.lint_words import Hearing

    return Hearing(_unknown_words, _sounds_alike)


def _unknown_words(lang: str, phrase: str) -> tuple[str, ...] | None:
    from edge_agent.model.errors import UnknownWordError, VoiceError
    from edge_agent.voice.grammar import spell_phrase

    found = _model_of(lang)
    if found is None:
        return None
    try:
        spell_phrase(phrase, found[1])
    except UnknownWordError as error:
        return error.words
    except VoiceError:
        return (phrase,)
    return ()


def _sounds_alike(lang: str, one: str, other: str) -> bool:
    from edge_agent.model.errors import VoiceError
    from edge_agent.voice.alike import is_one_sound_apart
    from edge_agent.voice.grammar import spell_phrase
    from edge_agent.voice.sounds.look import look_of

    found = _model_of(lang)
    if found is None:
        return False
    model, vocabulary = found
    try:
        mine, theirs = spell_phrase(one, vocabulary), spell_phrase(other, vocabulary)
        look = look_of(model.load())
    except VoiceError:  # a word that is not known is told of by itself; without Vosk's library nothing is heard here
        return False
    if look is None or mine == theirs:
        return False
    ways = product(look.sayings(mine), look.sayings(theirs))
    return any(is_one_sound_apart(here, there) for here, there in ways if here and there)


@cache
def _model_of(lang: str) -> "tuple[Model, Vocabulary] | None":
    from edge_agent.voice.models import check_model, packaged_models

    models = packaged_models()
    if lang not in models:
        return None
    model = check_model(models[lang])
    return model, model.vocabulary()
