"""When a phrase that seems to be said is put to the test, and when that would be in vain. Pure.

A test decodes up to two seconds of audio again. In babble, phrases stand in the partial results for a moment and go,
again and again: tested at each sight they took two thirds of all computing, and most of those tests came to nothing.
docs/voice-measured.md has what each of these limits spares, and that none of them costs a hit.
"""

from typing import Final

SETTLE_S: Final = 0.15
"""How long a phrase stands in the partial results before it is tested; one step of the decoder is 0.18 s.

The stream takes a phrase to be there before it has been said to its end, so that earlier tests fail; with 0.2 the
worst event came 50 ms later."""

SETTLE_PREFIX_S: Final = 0.7
"""The same for a phrase that a longer one begins with: "tell me" waits for "tell me more"."""

RETEST_S: Final = 0.1
MOST_TESTS: Final = 7
"""A phrase that fails its test, perhaps because its end was cut off, is tested again this often at most."""

HOPELESS_SCORE: Final = -2.0
"""What is said to its end and scores less is something else, seven times as likely: more audio hardly ever changes
that, so it is not tested again while it stands. No threshold is lower either (`thresholds`)."""

TESTS_AT_ONCE: Final = 8.0
TESTS_A_SECOND: Final = 1.0
"""However often phrases come and go: so many tests in a row, and then so many a second of audio. What is not tested
in time is tested when its utterance ends."""


class Patience:
    """Follows the partial results of one stream. Seconds are of its audio, and may go back a little."""

    def __init__(self) -> None:
        self._standing: tuple[str, ...] | None = None
        self._due_s = 0.0
        self._tests_left = 0
        self._allowance = TESTS_AT_ONCE
        self._allowance_s = 0.0

    def is_due(self, standing: tuple[str, ...] | None, now_s: float, settle_s: float = SETTLE_S) -> bool:
        """Take the phrase that stands there now, if one does; return whether to test it, which counts as a test."""
        elapsed_s = max(0.0, now_s - self._allowance_s)
        self._allowance = min(TESTS_AT_ONCE, self._allowance + elapsed_s * TESTS_A_SECOND)
        self._allowance_s = now_s
        if standing != self._standing:
            self._standing = standing
            self._due_s = now_s + settle_s
            self._tests_left = MOST_TESTS
        # The clock of audio is exact, but sums of block lengths in floating point are not.
        early = now_s < self._due_s - 1e-6
        if standing is None or early or not self._tests_left or self._allowance < 1 - 1e-6:
            return False
        self._due_s = now_s + RETEST_S
        self._tests_left -= 1
        self._allowance -= 1
        return True

    def failed(self, phrase: tuple[str, ...], score: float) -> None:
        """Take the score of a phrase that was said to its end and was not enough."""
        if phrase == self._standing and score < HOPELESS_SCORE:
            self._tests_left = 0

    def forget(self) -> None:
        """Begin with another utterance: what stood there was of the one before."""
        self._standing = None
