"""Where a phrase may hide in what people say: a search through the tree of all common words' pronunciations. Pure.

A path through the tree, from word to word, is speech; it costs the more the rarer its words are, and the more its
sounds differ from the phrase's. The cheapest one is found step by step, one sound of the phrase after the other.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, log2
from typing import Any, Final

from edge_agent.voice.phrases.sounds import Phones, Pronunciations, SoundSystem

_LEAST_SHARE: Final = 0.72
"""Speech that shares less of a phrase scores under 20 (`confusability.score`) and is not looked for."""

_PER_WORD: Final = 0.18
_PER_RARITY: Final = 0.06
_CUT_WORD: Final = 0.15
"""What it costs that the phrase begins or ends inside a word."""


@dataclass(slots=True)
class _Node:
    children: dict[str, _Node] = field(default_factory=dict)
    word: str = ""
    penalty: float = inf
    below: str = ""
    below_penalty: float = inf


_Trail = tuple[Any, str] | None
"""The words that led to a place, the last one first: (what was before, word)."""


class CommonSpeech:
    """Words that people say, in any order: where a phrase may hide.

    `lexicon` has the pronunciations, `ranks` how common each word is (0: the most common); the others are left out.
    """

    def __init__(self, lexicon: Mapping[str, Pronunciations], ranks: Mapping[str, int], sounds: SoundSystem) -> None:
        self._sounds = sounds
        self._root = _Node()
        self._nodes = [self._root]
        for word, rank in ranks.items():
            for pronunciation in lexicon.get(word, ()):
                self._add(word, pronunciation, _PER_WORD + _PER_RARITY * log2(1 + rank / 64))

    def _add(self, word: str, pronunciation: Phones, penalty: float) -> None:
        node = self._root
        for phone in pronunciation:
            if phone not in node.children:
                node.children[phone] = _Node()
                self._nodes.append(node.children[phone])
            node = node.children[phone]
            if penalty < node.below_penalty:
                node.below, node.below_penalty = word, penalty
        if penalty < node.penalty:
            node.word, node.penalty = word, penalty

    def closest(self, phrase: Phones, but: Iterable[str] = (), *, from_start: bool = False) -> tuple[float, str]:
        """Return how much of `phrase` the closest speech shares, and what it says; 0 where nothing comes near.

        Words in `but` are not said; with `from_start` the phrase begins where a word does. A search for the cheapest
        path, which drops what has become too expensive.
        """
        weight = self._sounds.whole(phrase)
        bound = (1 - _LEAST_SHARE) * weight
        search = _Search(self._sounds, self._root, bound, frozenset(but))
        starts = [self._root] if from_start else self._nodes
        column: list[_Place] = [(0.0 if node is self._root else _CUT_WORD, node, None) for node in starts]
        for phone in phrase:
            column = search.step(column, phone)
        best: tuple[float, _Trail] = (inf, None)
        for cost, node, trail in column:
            for last, penalty in ((node.word, node.penalty), (node.below, node.below_penalty + _CUT_WORD)):
                if node is self._root:
                    best = min(best, (cost, trail), key=lambda found: found[0])
                elif last and last not in search.but:
                    best = min(best, (cost + penalty, (trail, last)), key=lambda found: found[0])
        if best[0] > bound:
            return 0.0, ""
        return 1.0 - best[0] / weight, _words(best[1])


_Place = tuple[float, _Node, _Trail]
_Beyond = Callable[[_Place], Iterable[_Place]]


class _Search:
    def __init__(self, sounds: SoundSystem, root: _Node, bound: float, but: frozenset[str]) -> None:
        self._sounds = sounds
        self._root = root
        self._bound = bound
        self.but = but

    def step(self, column: Sequence[_Place], phone: str) -> list[_Place]:
        """Return the cheapest way to every place after one more phone of the phrase."""
        missing, found = self._sounds.weight(phone), _Cheapest(self._bound)
        costs: dict[str, float] = {}
        for cost, node, trail in column:
            found.offer(cost + missing, node, trail)
            for heard, child in node.children.items():
                if heard not in costs:
                    costs[heard] = self._sounds.distance(phone, heard) * max(missing, self._sounds.weight(heard))
                found.offer(cost + costs[heard], child, trail)
        return found.spread(self._beyond)

    def _beyond(self, place: _Place) -> Iterable[_Place]:
        """Yield where speech may go on without the phrase: a sound too many, or the next word."""
        cost, node, trail = place
        if node.word and node.word not in self.but:
            yield cost + node.penalty, self._root, (trail, node.word)
        for heard, child in node.children.items():
            yield cost + self._sounds.weight(heard), child, trail


class _Cheapest:
    def __init__(self, bound: float) -> None:
        self._bound = bound
        self._best: dict[int, _Place] = {}

    def offer(self, cost: float, node: _Node, trail: _Trail) -> bool:
        if cost > self._bound:
            return False
        known = self._best.get(id(node))
        if known is not None and known[0] <= cost:
            return False
        self._best[id(node)] = (cost, node, trail)
        return True

    def spread(self, beyond: _Beyond) -> list[_Place]:
        heap = [(cost, number, key) for number, (key, (cost, _, _)) in enumerate(self._best.items())]
        heapq.heapify(heap)
        count = len(heap)
        while heap:
            cost, _, key = heapq.heappop(heap)
            place = self._best[key]
            if place[0] < cost:
                continue
            for further in beyond(place):
                if self.offer(*further):
                    count += 1
                    heapq.heappush(heap, (further[0], count, id(further[1])))
        return list(self._best.values())


def _words(trail: _Trail) -> str:
    said: list[str] = []
    while trail is not None:
        trail, word = trail
        said.append(word)
    return " ".join(reversed(said))
