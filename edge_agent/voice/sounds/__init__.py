"""The sounds of a phrase, looked at one by one with the model's own network, once the decoder has found it.

    blas          native code: matrix products by the library that Vosk brings (shell)
    cepstra       audio → cepstra, as the network was taught on them
    acoustics     `am/final.mdl`, as our recipe writes it → the network
    network       cepstra → how likely each sound is at each moment
    alignment     where each sound of the phrase is, and how likely the least likely of them was
    look          all of it for one model directory (shell: reads files)

Vosk says how likely a whole phrase is, and neither where its sounds are nor how likely each was: a word that differs
in one sound of seven loses a seventh. docs/voice-measured.md, "The weakest sound", has what it is good for. A model
that was not made by our recipe, or a library without matrix products, is heard without it.
"""

from typing import Final

WEIGHT: Final = 0.4
ORDINARY: Final = -5.0
"""What a sound that is one more log unit likelier adds to the score; and the weakest sound that adds nothing, so that
a phrase whose sounds nobody knows is judged like an ordinary one. Chosen by measurement (docs/voice-measured.md)."""

MOST_POINTS: Final = -WEIGHT * ORDINARY
"""No sound is likelier than certain."""
