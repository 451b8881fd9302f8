"""What lint asks of the voice room, wired: which words a language's packaged speech model knows."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_agent.fleet.authoring.lint import UnknownWords


def unknown_words() -> "UnknownWords":
    """Wire the voice room's vocabulary: from a language and a phrase to the words that its model does not know."""
    from edge_agent.model.errors import UnknownWordError, VoiceError
    from edge_agent.voice.grammar import Vocabulary, spell_phrase
    from edge_agent.voice.models import check_model, packaged_models

    models = packaged_models()
    read: dict[str, Vocabulary] = {}

    def unknown(lang: str, phrase: str) -> tuple[str, ...] | None:
        if lang not in models:
            return None
        if lang not in read:
            read[lang] = check_model(models[lang]).vocabulary()
        try:
            spell_phrase(phrase, read[lang])
        except UnknownWordError as error:
            return error.words
        except VoiceError:
            return (phrase,)
        return ()

    return unknown
