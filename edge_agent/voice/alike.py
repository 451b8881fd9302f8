"""Phrases that take the place of the resident's words, since they sound the same: they are not listened for.

"know thanks" beside "no thanks" makes either reading as likely as the other, so that neither is sure; an advertiser
could deafen a device to its resident with it. Where nobody knows how words are said (a model without a lexicon), no
phrase is left out.
"""

from collections.abc import Iterator
from types import MappingProxyType

from edge_agent.model.errors import VoiceError
from edge_agent.voice.dialogue import belongs_to_the_resident
from edge_agent.voice.grammar import Grammar
from edge_agent.voice.sounds.look import Look


def without_alikes(grammar: Grammar, look: Look | None) -> tuple[Grammar, tuple[VoiceError, ...]]:
    """Return the grammar without what sounds like a word of the resident's in it, and an error for each of those."""
    own = {words: text for words, text in grammar.phrases.items() if belongs_to_the_resident(text)}
    if look is None or not own or len(own) == len(grammar.phrases):
        return grammar, ()
    said = {saying: text for words, text in own.items() for saying in look.sayings(words)}

    def alike() -> Iterator[tuple[tuple[str, ...], VoiceError]]:
        for words, text in grammar.phrases.items():
            like = None if words in own else next((said[each] for each in look.sayings(words) if each in said), None)
            if like is not None:
                yield words, VoiceError(f'The phrase "{text}" sounds like "{like}".', "Choose other words for it.")

    errors = dict(alike())
    kept = {words: text for words, text in grammar.phrases.items() if words not in errors}
    return Grammar(MappingProxyType(kept)), tuple(errors.values())
