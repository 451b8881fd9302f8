"""Phrases that take the place of the resident's words, since they sound almost the same: they are not listened for.

"know thanks" beside "no thanks", or "stock" beside "stop", makes either reading nearly as likely as the other, so
that neither is sure: an advertiser could deafen a device to its resident with it. Where two sounds differ, both are
sure enough. Where nobody knows how words are said (a model without a lexicon), no phrase is left out.
"""

from collections.abc import Iterator, Sequence
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
    said = [(saying, text) for words, text in own.items() for saying in look.sayings(words)]

    def alike() -> Iterator[tuple[tuple[str, ...], VoiceError]]:
        for words, text in grammar.phrases.items():
            sayings = () if words in own else look.sayings(words)
            like = next((name for each in sayings for saying, name in said if is_one_sound_apart(each, saying)), None)
            if like is not None:
                yield words, VoiceError(f'The phrase "{text}" sounds like "{like}".', "Choose other words for it.")

    errors = dict(alike())
    kept = {words: text for words, text in grammar.phrases.items() if words not in errors}
    return Grammar(MappingProxyType(kept)), tuple(errors.values())


def is_one_sound_apart(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether the two are the same but for one sound at most, which is another, missing or too many."""
    if abs(len(one) - len(other)) > 1:
        return False
    same = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    rest, others = one[same:], other[same:]
    return rest[1:] == others[1:] or rest[1:] == others or rest == others[1:]
