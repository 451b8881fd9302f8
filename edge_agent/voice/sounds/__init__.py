"""The sounds of a phrase, looked at one by one with the model's own network, once the decoder has found it.

    blas          native code: matrix products by the library that Vosk brings (shell)
    cepstra       audio → cepstra, as the network was taught on them
    acoustics     `am/final.mdl`, as our recipe writes it → the network
    network       cepstra → how likely each sound is at each moment
    alignment     where each sound of the phrase is, and how likely it was
    look          all of it for one model directory (shell: reads files)

Vosk says how likely a whole phrase is, and neither where its sounds are nor how likely each was: a word that differs
in one sound of seven loses a seventh. docs/voice-measured.md, "The weakest sound", has what it is good for. A model
that was not made by our recipe, or a library without matrix products, is heard without it.
"""

from collections.abc import Sequence
from typing import Final

_WEAKEST: Final = 0.2
_ALL: Final = 1.2
"""What a log unit of the weakest sound adds to the score, and one of the mean of all. Chosen by measurement."""

_ORDINARY_WEAKEST: Final = -5.0
_ORDINARY: Final = -1.5
"""What adds nothing, so that a phrase whose sounds nobody knows is judged like an ordinary one."""


def points_for(sounds: Sequence[float]) -> float:
    """Return what to add to the score of a phrase whose sounds have these log posteriors; 0 where there is none."""
    if not sounds:
        return 0.0
    mean = sum(sounds) / len(sounds)
    return _WEAKEST * (min(sounds) - _ORDINARY_WEAKEST) + _ALL * (mean - _ORDINARY)


MOST_POINTS: Final = points_for([0.0])
"""No sound is likelier than certain."""
