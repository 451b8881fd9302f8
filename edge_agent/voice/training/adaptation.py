"""Recordings of people as training material: aligned by the network that synthetic speech has taught.

The folder given holds a folder for each phrase, named by its words joined with `_`, with 16 kHz mono FLAC files in
which people say it. Folders that begin with `not_` hold other words and are left out, as are phrases whose words are
not in the vocabulary. Of the rest, only what `people.part_of` gives to adaptation is read.
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

from edge_agent.voice.training.alignment import align
from edge_agent.voice.training.errors import NoRecordingsError
from edge_agent.voice.training.features import SUBSAMPLING, Features, load_features, make_features
from edge_agent.voice.training.fitting import Fitted
from edge_agent.voice.training.languages import LANGUAGES
from edge_agent.voice.training.lexicon import Pronunciation
from edge_agent.voice.training.mfcc import mfcc
from edge_agent.voice.training.network import CONTEXT_FRAMES, Tdnn
from edge_agent.voice.training.parallel import Report
from edge_agent.voice.training.people import part_of
from edge_agent.voice.training.resampling import RATE_HZ
from edge_agent.voice.training.utterance import Utterance, save_shard

WORST_SHORTFALL: Final = 2.0
"""Recordings that fit their words worse than this (`alignment.Aligned`) are cut short, or hold something else."""

HEARINGS: Final = 12
_PRIOR_SHARE: Final = 0.5
_SHARD_UTTERANCES: Final = 250


@dataclass(frozen=True, slots=True)
class Recorded:
    """Shards of aligned recordings, and how many recordings are in them and were left out as unfit."""

    shards: tuple[Path, ...]
    taken: int
    unfit: int


@dataclass(frozen=True, slots=True)
class Heard:
    """What `recordings` recordings of people sound like under drawn conditions."""

    features: Features
    recordings: int


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
    that can be used.
    """
    aligned = align_recordings(
        recordings,
        work / "people",
        network=fitted.network,
        priors=fitted.priors,
        lexicon=lexicon,
        pdfs=LANGUAGES[language].phones.pdfs,
        seed=seed,
    )
    report(f"people: {aligned.taken} recordings, and {aligned.unfit} that do not fit their words")
    shards = make_features(
        work / "people-features",
        aligned.shards,
        hearings=HEARINGS,
        seed=seed,
        report=report,
        language=language,
        babble=babble,
    )
    return Heard(load_features(shards), aligned.taken)


def align_recordings(
    recordings: Path,
    out: Path,
    *,
    network: Tdnn,
    priors: NDArray[np.float32],
    lexicon: Mapping[str, tuple[Pronunciation, ...]],
    pdfs: Sequence[str],
    seed: int,
) -> Recorded:
    """Find the phones in the recordings and write them as shards in `out`, in an order drawn by `seed`.

    Raise `NoRecordingsError` where there are none that can be used.
    """
    taken: list[Utterance] = []
    unfit = 0
    for folder in _folders(recordings):
        words = _words(folder)
        if not all(word in lexicon for word in words):
            continue
        for samples in _to_adapt_on(folder):
            scores = name_frames(network, samples) - _PRIOR_SHARE * np.log(priors)
            aligned = align(scores, [lexicon[word] for word in words], pdfs)
            if aligned is None or aligned.shortfall > WORST_SHORTFALL:
                unfit += 1
            else:
                taken.append(Utterance(samples, aligned.segments(len(samples) / RATE_HZ), f"people {folder.name}"))
    if not taken:
        raise NoRecordingsError(recordings)
    random.Random(seed).shuffle(taken)
    out.mkdir(parents=True, exist_ok=True)
    shards: list[Path] = []
    for start in range(0, len(taken), _SHARD_UTTERANCES):
        shards.append(out / f"people-{len(shards):03}.npz")
        save_shard(shards[-1], taken[start : start + _SHARD_UTTERANCES])
    return Recorded(tuple(shards), len(taken), unfit)


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
    return sorted(path for path in recordings.glob("*") if path.is_dir() and not path.name.startswith("not_"))


def _words(folder: Path) -> list[str]:
    return folder.name.split("_")


def _to_adapt_on(folder: Path) -> Iterator[NDArray[np.int16]]:
    for path in sorted(folder.glob("*.flac")):
        if part_of(folder.name, path.stem) == "adapt":
            samples, rate_hz = soundfile.read(path, dtype="int16")
            if rate_hz == RATE_HZ and samples.ndim == 1:
                yield samples
