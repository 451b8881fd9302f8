"""A second look at a phrase that the decoder has found (shell: reads a model's files, once; native code).

`graph/lexicon.txt` beside the words says which sounds they have. What is read of it is only what was asked for.
"""

import logging
import math
import threading
from collections.abc import Iterable
from itertools import chain, islice, product
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from edge_agent.voice.libvosk import RATE, SpeechModel
from edge_agent.voice.sounds import blas, points_for
from edge_agent.voice.sounds.acoustics import read_acoustics
from edge_agent.voice.sounds.alignment import Ways, sounds_in
from edge_agent.voice.sounds.cepstra import CEPSTRA, CONF, LENGTH, SHIFT, cepstra, frames_in
from edge_agent.voice.sounds.network import STRIDE, Network

BEFORE: Final = 4
AFTER: Final = 5
"""How many moments before the decoder's beginning and after its end of the phrase its sounds may be."""

_MOST_SAYINGS: Final = 64
"""Of a phrase. Three words with three ways each have fewer."""

_MOMENT_S: Final = STRIDE * SHIFT / RATE
_POSITIONS: Final = ("_B", "_E", "_I", "_S")

_log = logging.getLogger(__name__)
_reading = threading.Lock()
_read: "WeakKeyDictionary[SpeechModel, Look | None]" = WeakKeyDictionary()


class Look:
    """The network and the words of one model. May be used by several threads."""

    def __init__(self, network: Network, outputs: dict[str, int], lexicon: Path) -> None:
        self._network = network
        self._outputs = outputs
        self._lexicon = lexicon
        self._ways: dict[str, Ways] = {}

    def points(self, pcm: bytes, words: tuple[str, ...], start_s: float, end_s: float) -> float:
        """Return what to add to the score of a phrase for its `sounds`; 0 where none can be seen."""
        return points_for(self.sounds(pcm, words, start_s, end_s))

    def sounds(self, pcm: bytes, words: tuple[str, ...], start_s: float, end_s: float) -> tuple[float, ...]:
        """Return the log probability of each sound of the phrase, the mean over its moments, first sound first.

        `pcm` is what the decoder heard, from its first sample on; the phrase is between those seconds of it. Nothing
        where nobody knows how a word is said, or the phrase does not fit in there.
        """
        ways = self._ways_of(words)
        frames = frames_in(len(pcm) // 2)
        first = max(0, int(start_s / _MOMENT_S) - BEFORE)
        last = min(math.ceil(frames / STRIDE), int(end_s / _MOMENT_S) + AFTER)
        if ways is None or last <= first:
            return ()
        low = first * STRIDE - self._network.before
        high = (last - 1) * STRIDE + self._network.after + 1
        inside = range(max(0, low), min(frames, high))
        heard = cepstra(pcm[2 * SHIFT * inside.start : 2 * (SHIFT * (inside.stop - 1) + LENGTH)])
        # As in the decoder, the first and the last frame stand for what there is none of.
        padded = heard[:CEPSTRA] * (inside.start - low) + heard + heard[-CEPSTRA:] * (high - inside.stop)
        posteriors = self._network.posteriors(padded, last - first)
        return sounds_in(posteriors, self._network.log_priors, ways)

    def sayings(self, words: tuple[str, ...]) -> set[tuple[int, ...]]:
        """Return how a phrase may be said, sound by sound; nothing where nobody knows how a word is said."""
        ways = product(*(self._ways_of(words) or [()]))
        return {tuple(chain.from_iterable(way)) for way in islice(ways, _MOST_SAYINGS)}

    def _ways_of(self, words: tuple[str, ...]) -> list[Ways] | None:
        wanted = {word for word in words if word not in self._ways}
        if wanted:
            self._ways |= self._looked_up(wanted)
        found = [self._ways[word] for word in words]
        return found if all(found) else None

    def _looked_up(self, wanted: set[str]) -> dict[str, Ways]:
        found: dict[str, list[list[int]]] = {word: [] for word in wanted}
        try:
            with self._lexicon.open(encoding="utf-8") as lines:
                for line in lines:
                    word, _, sounds = line.partition(" ")
                    if word in wanted and all(sound in self._outputs for sound in sounds.split()):
                        found[word].append([self._outputs[sound] for sound in sounds.split()])
        except (OSError, UnicodeDecodeError) as error:
            _log.warning("%s cannot be read: %s. Install the model again.", self._lexicon, error)
        return {word: tuple(way for way in ways if way) for word, ways in found.items()}


def look_of(model: SpeechModel) -> Look | None:
    """Return the second look with that model, or None where there is none: another's model, or another library."""
    with _reading:
        if model not in _read:
            try:
                _read[model] = _read_look(model.directory)
            except (OSError, ValueError) as error:
                _log.info("%s is heard without looking at single sounds: %s.", model.directory, error)
                _read[model] = None
        return _read[model]


def _read_look(directory: Path) -> Look:
    if not blas.is_there():
        raise ValueError("Vosk's library here has no matrix products")
    lexicon = directory / "graph" / "lexicon.txt"
    if not lexicon.is_file():
        raise ValueError("it has no graph/lexicon.txt")
    conf = directory / "conf"
    if _options(conf / "mfcc.conf") != CONF:
        raise ValueError("its mfcc.conf asks for other features")
    if _options(conf / "model.conf").get("frame-subsampling-factor") != str(STRIDE):
        raise ValueError("its model.conf asks for other frames")
    cepstra(bytes(2 * LENGTH))  # so that no phrase has to wait for its tables
    acoustics = read_acoustics((directory / "am" / "final.mdl").read_bytes())
    network = Network(acoustics)
    if network.width != CEPSTRA:
        raise ValueError("its network takes other features")
    phones = (line.split() for line in (directory / "graph" / "phones.txt").read_text("utf-8").splitlines())
    outputs = {
        name.removesuffix(position): acoustics.outputs[int(number)]
        for name, number in phones
        for position in _POSITIONS
        if name.endswith(position) and int(number) in acoustics.outputs
    }
    return Look(network, outputs, lexicon)


def _options(path: Path) -> dict[str, str]:
    lines: Iterable[str] = path.read_text("utf-8").splitlines()
    return dict(line.removeprefix("--").partition("=")[::2] for line in lines if line.strip())
