"""The recipe's steps 2 to 8, in order (`recipe` lists them). Importing this needs torch and numpy."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.voice.training.adaptation import NOBODY, Heard, hear_people
from edge_agent.voice.training.cards import CARDS
from edge_agent.voice.training.checkpoint import Checkpoint, carried_over, checkpoint_of, load_checkpoint
from edge_agent.voice.training.corpus import make_corpus
from edge_agent.voice.training.features import Features, load_features, make_features
from edge_agent.voice.training.fitting import Fitted, fit, refine
from edge_agent.voice.training.languages import LANGUAGES
from edge_agent.voice.training.lexicon import Pronunciation
from edge_agent.voice.training.model_card import Provenance
from edge_agent.voice.training.model_directory import SHIPPED, size_bytes, write_network, write_words
from edge_agent.voice.training.network import fold
from edge_agent.voice.training.parallel import Report
from edge_agent.voice.training.phones import ENGLISH
from edge_agent.voice.training.rehearsal import rehearse
from edge_agent.voice.training.requirements import CMUDICT
from edge_agent.voice.training.texts import load_texts

Lexicon = dict[str, tuple[Pronunciation, ...]]

HEARINGS: Final = 2
"""How often each utterance is heard, under conditions drawn anew."""

REFINING_STEPS: Final = 1_500
"""How long the second half of the training is.

A phrase that nobody taught is missed a fifth less often than after 300 steps (the mean of three such networks), and
as often after 3,000, which hear a little less in noise (docs/voice-measured.md).
"""


@dataclass(frozen=True, slots=True)
class Order:
    """What `train_model` was asked for, in its words."""

    out: Path
    work: Path
    language: str
    seed: int
    minutes: float
    utterances: int
    go_on: bool
    start: Path | None
    steps: int | None
    adapt: Path | None

    @property
    def network(self) -> Path:
        """Where the network of step 4 is kept: for a run that goes on, and for another language to start from."""
        return self.work / "network.pt"


def carry_out(order: Order, report: Report) -> None:
    """Make the model; what an earlier run left in `order.work` is replaced, but for a network to go on from.

    Raises `NoRecordingsError` once there is a network, where `order.adapt` holds none.
    """
    begin = _beginning(order)
    for step in ("speech", "features", "people", "people-features"):
        shutil.rmtree(order.work / step, ignore_errors=True)
    speech = make_corpus(
        order.work / "speech", language=order.language, seed=order.seed, utterances=order.utterances, report=report
    )
    shards = make_features(
        order.work / "features", speech, hearings=HEARINGS, seed=order.seed, report=report, language=order.language
    )
    features = load_features(shards)
    fitted = _fit(order, features, begin, report)
    texts = load_texts(order.language)
    lexicon = LANGUAGES[order.language].pronounce(texts.vocabulary, CMUDICT)
    people = _hear_people(order, fitted, lexicon, speech, report)
    fitted = refine(
        fitted,
        features,
        beside=people.beside,
        seed=order.seed,
        steps=REFINING_STEPS,
        report=report,
    )
    checkpoint_of(fitted.network, fitted.steps).save(order.work / "refined.pt")
    _write(order, fitted, lexicon, report)
    _rehearse(order, features, fitted, people, begin, report)


def _beginning(order: Order) -> Checkpoint | None:
    """Return the network that fitting starts from; None where it starts from nothing."""
    if order.go_on:
        return load_checkpoint(order.network)
    english = None if order.start is None else load_checkpoint(order.start)
    if english is None or order.language == "en":
        return english
    spoken = LANGUAGES[order.language]
    return carried_over(english, theirs=ENGLISH.pdfs, ours=spoken.phones.pdfs, like=spoken.like_english)


def _fit(order: Order, features: Features, begin: Checkpoint | None, report: Report) -> Fitted:
    report(f"training: {features.hours:.1f} hours of speech, {order.minutes:g} minutes")
    fitted = fit(
        features,
        seed=order.seed,
        minutes=order.minutes,
        report=report,
        pdfs=len(LANGUAGES[order.language].phones.pdfs),
        start=begin,
        at_most=order.steps,
    )
    checkpoint_of(fitted.network, fitted.steps).save(order.network)
    return fitted


def _hear_people(order: Order, fitted: Fitted, lexicon: Lexicon, speech: Sequence[Path], report: Report) -> Heard:
    if order.adapt is None:
        return NOBODY
    return hear_people(
        order.adapt,
        order.work,
        fitted=fitted,
        lexicon=lexicon,
        language=order.language,
        babble=speech,
        seed=order.seed,
        report=report,
    )


def _write(order: Order, fitted: Fitted, lexicon: Lexicon, report: Report) -> None:
    speech = LANGUAGES[order.language].phones.speech
    report(f"words: {len(lexicon)}")
    write_network(order.out, fold(fitted.network, fitted.priors), speech)
    write_words(order.out, lexicon, SHIPPED, speech)


def _rehearse(
    order: Order, features: Features, fitted: Fitted, people: Heard, begin: Checkpoint | None, report: Report
) -> None:
    report("rehearsal")
    texts = load_texts(order.language)
    made = Provenance(
        language=order.language,
        seed=order.seed,
        utterances=order.utterances,
        hours=features.hours,
        minutes=order.minutes,
        steps=fitted.steps,
        frame_accuracy=fitted.frame_accuracy,
        words=len(texts.vocabulary),
        parameters=sum(tensor.numel() for tensor in fitted.network.parameters()),
        size_bytes=size_bytes(order.out),
        point=SHIPPED,
        rehearsed=rehearse(order.out, texts, LANGUAGES[order.language].speak, seed=order.seed),
        steps_before=0 if begin is None else begin.steps,
        refining_steps=REFINING_STEPS,
        people=people.recordings,
        people_of_other_words=people.of_other_words,
    )
    (order.out / "README.md").write_text(CARDS[order.language](made), "utf-8")
    heard = f"{made.rehearsed.heard} of {made.rehearsed.said} heard"
    report(f"done: {order.out}, {made.size_bytes / 1e6:.1f} MB, {heard}")
