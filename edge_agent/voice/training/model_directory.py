"""Write a model directory as Vosk reads it.

    am/final.mdl                    the network (`nnet3`)
    conf/mfcc.conf, conf/model.conf how to hear and how to search
    graph/HCLr.fst, Gr.fst, …       the words (`graph`)
    graph/lexicon.txt               not read by Vosk: what a graph with more words is built from
    README.md                       the model card

The operating point decides how readily a phrase is heard where there may be
none. It stands in two places, the acoustic scale in `model.conf` and the costs of
`[unk]` in the graph, and both are written here from one value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.voice.training import mfcc
from edge_agent.voice.training.features import SUBSAMPLING
from edge_agent.voice.training.graph import UnknownWordCosts, build_graph
from edge_agent.voice.training.lexicon import Pronunciation, lexicon_text
from edge_agent.voice.training.nnet3 import Network, final_mdl
from edge_agent.voice.training.phones import SPEECH_PHONES, phone_table


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """How much what is heard weighs, and what not being a phrase costs."""

    acoustic_scale: float
    unknown_word: UnknownWordCosts


SHIPPED: Final = OperatingPoint(0.2, UnknownWordCosts(word=0.0, phone=1.5))
"""Chosen by measurement on people's recordings: `model_card` says why."""


def model_conf(point: OperatingPoint) -> str:
    """Return the text of `conf/model.conf`.

    Without `--phone-determinize=false` the free phones of `[unk]` make Kaldi's
    lattice determinisation explode: minutes for seconds of sound. `frames-per-chunk`
    is how far the network goes in one step, 0.18 s: events come up to 0.08 s sooner
    than with Kaldi's 0.25 s, for a tenth more processor time while people talk.
    """
    options = {
        "min-active": 200,
        "max-active": 3000,
        "beam": 12.0,
        "lattice-beam": 4.0,
        "phone-determinize": "false",
        "acoustic-scale": point.acoustic_scale,
        "frame-subsampling-factor": SUBSAMPLING,
        "frames-per-chunk": 18,
        "endpoint.silence-phones": 1,
        "endpoint.rule2.min-trailing-silence": 0.5,
        "endpoint.rule3.min-trailing-silence": 0.75,
        "endpoint.rule4.min-trailing-silence": 1.0,
    }
    return "".join(f"--{name}={setting}\n" for name, setting in options.items())


def write_network(model: Path, network: Network, phones: Sequence[str] = SPEECH_PHONES) -> None:
    """Write `am/final.mdl` and the features it wants."""
    (model / "am").mkdir(parents=True, exist_ok=True)
    (model / "conf").mkdir(exist_ok=True)
    (model / "am" / "final.mdl").write_bytes(final_mdl(network, phone_table(phones)))
    (model / "conf" / "mfcc.conf").write_text(mfcc.CONF)


def write_words(
    model: Path,
    lexicon: Mapping[str, tuple[Pronunciation, ...]],
    point: OperatingPoint,
    phones: Sequence[str] = SPEECH_PHONES,
) -> None:
    """Write the graph and the settings of the search; the network stays as it is."""
    (model / "conf").mkdir(parents=True, exist_ok=True)
    build_graph(model / "graph", lexicon, phones, point.unknown_word)
    (model / "graph" / "lexicon.txt").write_text(lexicon_text(dict(lexicon)))
    (model / "conf" / "model.conf").write_text(model_conf(point))


def size_bytes(model: Path) -> int:
    """Return how much room the model takes on disk."""
    return sum(path.stat().st_size for path in model.rglob("*") if path.is_file())
