"""The synthetic speech that a model is trained on, as shards in a work folder."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, Literal, assert_never

from edge_agent.voice.training.mandarin import in_mandarin_phones, speak_mandarin
from edge_agent.voice.training.parallel import Report, run_in_processes
from edge_agent.voice.training.synthesis import (
    speak_with_espeak,
    speak_with_festival,
    speak_with_flite,
)
from edge_agent.voice.training.texts import load_texts
from edge_agent.voice.training.utterance import save_shard

Synthesiser = Literal["espeak", "flite", "festival", "mandarin"]

SHARES: Final[dict[Synthesiser, float]] = {"espeak": 0.54, "flite": 0.38, "festival": 0.08}
"""How many of all utterances each synthesiser says; see `synthesis` for their characters."""

MANDARIN_SHARES: Final[dict[Synthesiser, float]] = {"mandarin": 0.8, "flite": 0.14, "espeak": 0.06}
"""The same for `zh`: the English voices say English, labelled with Mandarin's phones.

That teaches English commands, and flite's voices bring the sound of people, which Mandarin has no free voice for.
"""

_SHARD_UTTERANCES: Final = 250


@dataclass(frozen=True, slots=True)
class ShardOrder:
    """One shard to be made: a pure function of these fields and of the synthesisers' versions."""

    path: Path
    synthesiser: Synthesiser
    language: str
    seed: int
    utterances: int


def make_corpus(folder: Path, *, language: str, seed: int, utterances: int, report: Report) -> list[Path]:
    """Make about `utterances` utterances in `folder` and return the shards."""
    folder.mkdir(parents=True, exist_ok=True)
    shares = MANDARIN_SHARES if language == "zh" else SHARES
    orders = [
        ShardOrder(
            folder / f"{synthesiser}-{number:03}.npz",
            synthesiser,
            language,
            seed * 100_003 + 1009 * place + number,
            min(_SHARD_UTTERANCES, max(1, round(utterances * share))),
        )
        for place, (synthesiser, share) in enumerate(shares.items())
        for number in range(max(1, round(utterances * share / _SHARD_UTTERANCES)))
    ]
    # Festival first: its shards take longest, and a long one at the end would run alone.
    orders.reverse()
    return run_in_processes(make_shard, orders, what="speech, shards", report=report)


def make_shard(order: ShardOrder) -> Path:
    """Say what one order asks for and save it."""
    draw = Random(order.seed)
    lists = load_texts("zh" if order.synthesiser == "mandarin" else "en")
    texts = [lists.draw(draw) for _ in range(order.utterances)]
    with tempfile.TemporaryDirectory(dir=order.path.parent) as scratch:
        match order.synthesiser:
            case "espeak":
                spoken = speak_with_espeak(texts, draw)
            case "flite":
                spoken = speak_with_flite(texts, draw, Path(scratch))
            case "festival":
                spoken = speak_with_festival(texts, draw, Path(scratch))
            case "mandarin":
                spoken = speak_mandarin(texts, draw)
            case _:
                assert_never(order.synthesiser)
        if order.language == "zh" and order.synthesiser != "mandarin":
            spoken = map(in_mandarin_phones, spoken)
        save_shard(order.path, list(spoken))
    return order.path
