"""What is played to each listener, in pieces for processes of their own, and what it makes of it.

- A recording of a phrase: that phrase alone is listened for.
- A recording of another phrase or word, and a minute of synthetic talk: all phrases that are not said in it.
- A near-word: the phrase that it is near to.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import inf
from pathlib import Path
from typing import Final, Literal

from edge_agent.voice.training.negatives import make_near_words, make_talk
from edge_agent.voice.training.parallel import Report, run_in_processes
from tests.bench.wake.listeners import AgentListener, Listener, SphinxListener
from tests.bench.wake.recordings import RATE_HZ, Condition, Noise, negatives, positives, read
from tests.bench.wake.roc import Roc

SEED: Final = 11
"""Of the synthetic talk; thresholds are set with another one."""

NEAR_WORDS: Final = 20
_PIECE: Final = 40
_TALK_PIECE: Final = 4

ListenerName = Literal["agent", "PocketSphinx"]


@dataclass(frozen=True, slots=True)
class Part:
    """Recordings in which the same is listened for; `said` is the phrase that is in them, or None."""

    paths: tuple[Path, ...]
    phrases: tuple[str, ...]
    said: str | None
    kind: Literal["people", "near-words", "talk"] = "people"

    @property
    def size_bytes(self) -> int:
        """How long it takes to hear, about."""
        return sum(path.stat().st_size for path in self.paths)


@dataclass(frozen=True, slots=True)
class Piece:
    """What one process does at a time."""

    part: Part
    listener: ListenerName
    condition: Condition
    people: Path
    model: Path


@dataclass(frozen=True, slots=True)
class Played:
    """What a listener made of one piece, by phrase, and what it cost."""

    piece: Piece
    rocs: dict[str, Roc]
    audio_s: float
    cpu_s: float


def parts_to_play(people: Path, phrases: Sequence[str], *, clips: int, hours: float, report: Report) -> list[Part]:
    """Return what is to be heard; synthetic talk and near-words are made, once, in a cache folder."""
    parts = []
    for phrase in phrases:
        own = tuple(positives(people, phrase, clips))
        parts += _pieces(own, (phrase,), phrase)
    by_listened: dict[Path, list[str]] = {}
    for phrase in phrases:
        for path in negatives(people, phrase, clips):
            by_listened.setdefault(path, []).append(phrase)
    together: dict[tuple[str, ...], list[Path]] = {}
    for path, listened in by_listened.items():
        together.setdefault(tuple(listened), []).append(path)
    for others, paths in together.items():
        parts += _pieces(tuple(paths), others, None)
    folder = _cache()
    for phrase in phrases:
        near = make_near_words(folder / "near" / phrase, phrase, part="test", count=NEAR_WORDS, seed=SEED)
        parts += [Part(tuple(near), (phrase,), None, "near-words")]
    talk = make_talk(folder / "talk", language="en", hours=hours, seed=SEED, without=phrases, report=report)
    for start in range(0, len(talk), _TALK_PIECE):
        parts += [Part(tuple(talk[start : start + _TALK_PIECE]), tuple(phrases), None, "talk")]
    return parts


def with_less_talk(parts: Sequence[Part], hours: float) -> list[Part]:
    """Return the parts with no more talk than that: for a listener that is there to be compared with."""
    kept, left = [], hours
    for part in parts:
        if part.kind == "talk":
            left -= part.size_bytes / (2 * RATE_HZ) / 3600
        if part.kind != "talk" or left >= 0:
            kept.append(part)
    return kept


def play(
    parts: Mapping[ListenerName, Sequence[Part]],
    conditions: Sequence[Condition],
    *,
    people: Path,
    model: Path,
    report: Report,
) -> list[Played]:
    """Let every listener hear its parts under every condition; what takes longest comes first."""
    pieces = [
        Piece(part, listener, condition, people, model)
        for listener, its_parts in parts.items()
        for condition in conditions
        for part in its_parts
    ]
    longest_first = sorted(range(len(pieces)), key=lambda at: -pieces[at].part.size_bytes)
    played = run_in_processes(play_piece, [pieces[at] for at in longest_first], what="wake, pieces", report=report)
    return [one for _, one in sorted(zip(longest_first, played, strict=True), key=lambda pair: pair[0])]


def core_share(played: Sequence[Played]) -> dict[tuple[ListenerName, Condition], float]:
    """Return CPU time over audio time, of each listener under each condition."""
    cpu_s: dict[tuple[ListenerName, Condition], float] = {}
    audio_s: dict[tuple[ListenerName, Condition], float] = {}
    for one in played:
        key = one.piece.listener, one.piece.condition
        cpu_s[key] = cpu_s.get(key, 0.0) + one.cpu_s
        audio_s[key] = audio_s.get(key, 0.0) + one.audio_s
    return {key: cpu_s[key] / audio_s[key] for key in cpu_s}


def play_piece(piece: Piece) -> Played:
    """Let one listener hear the recordings of one piece."""
    part = piece.part
    clips = [read(path) for path in part.paths]
    if piece.condition == "noise":
        noise = _noise(piece.people)
        clips = [noise.over(clip) for clip in clips]
    listener = _listener(piece.listener, piece.model)
    started = time.process_time()
    heard = [listener.listen(clip, part.phrases) for clip in clips]
    cpu_s = time.process_time() - started
    audio_s = sum(clip.duration_s for clip in clips)
    rocs = {}
    for phrase in part.phrases:
        scores = [[each.score for each in one if each.phrase == phrase] for one in heard]
        if phrase == part.said:
            rocs[phrase] = Roc(tuple(max(one, default=-inf) for one in scores), (), 0.0)
        else:
            rocs[phrase] = Roc((), tuple(score for one in scores for score in one), audio_s / 3600)
    return Played(piece, rocs, audio_s, cpu_s)


def _pieces(paths: tuple[Path, ...], phrases: tuple[str, ...], said: str | None) -> list[Part]:
    return [Part(paths[start : start + _PIECE], phrases, said) for start in range(0, len(paths), _PIECE)]


def _cache() -> Path:
    named = os.environ.get("XDG_CACHE_HOME")
    return (Path(named) if named else Path(tempfile.gettempdir())) / "edge-agent-wake"


@cache
def _noise(people: Path) -> Noise:
    return Noise(people)


@cache
def _listener(name: ListenerName, model: Path) -> Listener:
    return AgentListener(model) if name == "agent" else SphinxListener()
