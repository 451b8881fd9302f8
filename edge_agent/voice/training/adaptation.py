"""Recordings of people as training material: aligned by the network that synthetic speech has taught.

The folder given holds a folder for each phrase, named by its words joined with `_`, with 16 kHz mono FLAC files in
which people say it. Folders that begin with `not_` hold other words, which nobody wrote down, in any language: the
network's own best string of phones is taken for what is said there, so that from then on it is sure of it and no
phrase is found in such speech. Phrases whose words are not in the vocabulary are left out. Of the rest, only what
`people.part_of` gives to adaptation is read.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from edge_agent.voice.training.alignment import Aligned, align, transcribe
from edge_agent.voice.training.errors import NoRecordingsError
from edge_agent.voice.training.features import SUBSAMPLING, load_features, make_features
from edge_agent.voice.training.fitting import Beside, Fitted
from edge_agent.voice.training.languages import LANGUAGES
from edge_agent.voice.training.lexicon import Pronunciation
from edge_agent.voice.training.mfcc import mfcc
from edge_agent.voice.training.network import CONTEXT_FRAMES, Tdnn
from edge_agent.voice.training.parallel import Report
from edge_agent.voice.training.people import OTHER_WORDS_SHARE, PHRASES_SHARE, part_of
from edge_agent.voice.training.resampling import RATE_HZ
from edge_agent.voice.training.utterance import Utterance, save_shard

WORST_SHORTFALL: Final = 2.0
"""Recordings that fit their words worse than this (`alignment.Aligned`) are cut short, or hold something else."""

HEARINGS: Final = 12
_PRIOR_SHARE: Final = 0.5
_SHARD_UTTERANCES: Final = 250


@dataclass(frozen=True, slots=True)
class Recorded:
    """Shards of recordings with their phones, and how many recordings are in them and were left out as unfit."""

    shards: tuple[Path, ...]
    taken: int
    unfit: int


@dataclass(frozen=True, slots=True)
class Heard:
    """What so many recordings of phrases, and so many of other words, sound like under drawn conditions."""

    beside: tuple[Beside, ...]
    recordings: int
    of_other_words: int


NOBODY: Final = Heard((), 0, 0)


def hear_people(
    recordings: Path,
    work: Path,
    *,
    fitted: Fitted,
    lexicon: Mapping[str, tuple[Pronunciation, ...]],
    language: str,
    babble: Sequence[Path],
    seed: int,
    report: Report,
) -> Heard:
    """Align the recordings with the network that was `fitted`, and hear each `HEARINGS` times.

    The voices of the shards `babble` talk in the background. Raise `NoRecordingsError` where there are no recordings
    of phrases that can be used.
    """
    pdfs = LANGUAGES[language].phones.pdfs
    out = work / "people"
    namer = Namer(fitted.network, fitted.priors, pdfs)
    phrases = align_recordings(recordings, out, namer=namer, lexicon=lexicon, seed=seed)
    others = transcribe_others(recordings, out, namer=namer, seed=seed)
    report(
        f"people: {phrases.taken} recordings of phrases, and {phrases.unfit} that do not fit their words;"
        f" {others.taken} of other words"
    )
    parts = [(phrases.shards, PHRASES_SHARE), (others.shards, OTHER_WORDS_SHARE)]
    beside: list[Beside] = []
    for shards, share in parts:
        if shards:
            made = make_features(
                work / "people-features",
                shards,
                hearings=HEARINGS,
                seed=seed,
                report=report,
                language=language,
                babble=babble,
            )
            beside.append(Beside(load_features(made), share))
    return Heard(tuple(beside), phrases.taken, others.taken)


@dataclass(frozen=True, slots=True)
class Namer:
    """A network that says of recordings which phone each frame may be: log likelihoods (frames, `pdfs`)."""

    network: Tdnn
    priors: NDArray[np.float32]
    pdfs: Sequence[str]

    def __call__(self, samples: NDArray[np.int16]) -> NDArray[np.float32]:
        """Return them, up to a constant of each frame."""
        return (name_frames(self.network, samples) - _PRIOR_SHARE * np.log(self.priors)).astype(np.float32)


def align_recordings(
    recordings: Path, out: Path, *, namer: Namer, lexicon: Mapping[str, tuple[Pronunciation, ...]], seed: int
) -> Recorded:
    """Find the phones in the recordings of phrases and write them as shards in `out`, in an order drawn by `seed`.

    Raise `NoRecordingsError` where there are none that can be used.
    """
    taken: list[Utterance] = []
    unfit = 0
    for folder in _folders(recordings):
        words = folder.name.split("_")
        if _is_of_other_words(folder) or not all(word in lexicon for word in words):
            continue
        for samples in _to_adapt_on(folder):
            aligned = align(namer(samples), [lexicon[word] for word in words], namer.pdfs)
            if aligned is None or aligned.shortfall > WORST_SHORTFALL:
                unfit += 1
            else:
                taken.append(_utterance(folder, samples, aligned))
    if not taken:
        raise NoRecordingsError(recordings)
    return Recorded(_save(out, "phrases", taken, seed), len(taken), unfit)


def transcribe_others(recordings: Path, out: Path, *, namer: Namer, seed: int) -> Recorded:
    """Write the recordings of other words as shards in `out`, with the phones that the network hears in them."""
    taken: list[Utterance] = []
    for folder in filter(_is_of_other_words, _folders(recordings)):
        for samples in _to_adapt_on(folder):
            heard = transcribe(namer(samples), namer.pdfs)
            if heard is not None:
                taken.append(_utterance(folder, samples, heard))
    return Recorded(_save(out, "other-words", taken, seed), len(taken), 0)


def _utterance(folder: Path, samples: NDArray[np.int16], aligned: Aligned) -> Utterance:
    return Utterance(samples, aligned.segments(len(samples) / RATE_HZ), f"people {folder.name}")


def _save(out: Path, name: str, taken: list[Utterance], seed: int) -> tuple[Path, ...]:
    random.Random(seed).shuffle(taken)
    out.mkdir(parents=True, exist_ok=True)
    shards: list[Path] = []
    for start in range(0, len(taken), _SHARD_UTTERANCES):
        shards.append(out / f"{name}-{len(shards):03}.npz")
        save_shard(shards[-1], taken[start : start + _SHARD_UTTERANCES])
    return tuple(shards)


def name_frames(network: Tdnn, samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return the log probability (frames, pdfs) of every pdf on every third frame, as Vosk runs the network.

    The first and the last frame stand for those before and after, as in Kaldi.
    """
    cepstra = torch.from_numpy(mfcc(samples))
    count = -(-len(cepstra) // SUBSAMPLING)
    if count == 0:
        return np.zeros((0, network.output.out_features), np.float32)
    before, after = cepstra[:1].expand(CONTEXT_FRAMES, -1), cepstra[-1:].expand(CONTEXT_FRAMES + SUBSAMPLING, -1)
    with torch.no_grad():
        named = network(torch.cat([before, cepstra, after])[None])[0, :count]
    scores: NDArray[np.float32] = torch.log_softmax(named, 1).numpy()
    return scores


def _folders(recordings: Path) -> list[Path]:
    return sorted(path for path in recordings.glob("*") if path.is_dir())


def _is_of_other_words(folder: Path) -> bool:
    return folder.name.startswith("not_")


def _to_adapt_on(folder: Path) -> Iterator[NDArray[np.int16]]:
    for path in sorted(folder.glob("*.flac")):
        if part_of(folder.name, path.stem) == "adapt":
            samples, rate_hz = soundfile.read(path, dtype="int16")
            if rate_hz == RATE_HZ and samples.ndim == 1:
                yield samples
