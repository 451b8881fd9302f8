"""Known words are found in frames that speak clearly, wherever silence lies and whichever way they are said."""

from __future__ import annotations

import importlib.util

import pytest

if importlib.util.find_spec("numpy") is None:
    pytest.skip("the extra `train` is not installed", allow_module_level=True)

import numpy as np
from numpy.typing import NDArray

from edge_agent.voice.training.alignment import align, transcribe
from edge_agent.voice.training.phones import PDFS

VIEW = [("v", "y", "uw")]
GLASS = [("g", "l", "ae", "s"), ("g", "l", "aa", "s")]


def heard(spoken: str, certainty: float = 4.0) -> NDArray[np.float64]:
    """Log probabilities of frames that say `spoken`, one phone (or _ for silence) each."""
    scores = np.zeros((len(spoken.split()), len(PDFS)))
    for frame, phone in enumerate(spoken.split()):
        scores[frame, PDFS.index("SIL" if phone == "_" else phone)] = certainty
    normalised: NDArray[np.float64] = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return normalised


def found(spoken: str) -> str:
    aligned = align(heard(spoken), [VIEW, GLASS])
    assert aligned is not None
    return " ".join("_" if phone == "SIL" else phone for phone in aligned.phones)


@pytest.mark.parametrize(
    "spoken",
    [
        "v y uw uw g l ae s",
        "_ _ v v y uw uw g l ae ae s _",
        "_ v y uw _ _ g l aa aa s s _ _",
    ],
    ids=["nothing around", "silence around", "a pause and the other vowel"],
)
def test_every_frame_gets_the_phone_that_it_says(spoken: str) -> None:
    assert found(spoken) == spoken


def test_an_unclear_frame_goes_to_a_neighbour() -> None:
    scores = heard("_ v y uw g l ae s _")
    scores[3] = -np.log(len(PDFS))
    aligned = align(scores, [VIEW, GLASS])
    assert aligned is not None
    assert aligned.phones[3] == "uw"


def test_other_words_fall_short_and_the_right_ones_do_not() -> None:
    right = align(heard("_ v y uw g l ae s _"), [VIEW, GLASS])
    wrong = align(heard("_ ax m iy l iy ax k _"), [VIEW, GLASS])
    assert right is not None
    assert wrong is not None
    assert right.shortfall == pytest.approx(0.0)
    assert wrong.shortfall > 3.0


def test_a_recording_with_fewer_frames_than_phones_cannot_be_aligned() -> None:
    assert align(heard("v y uw g l ae"), [VIEW, GLASS]) is None
    assert align(np.zeros((0, len(PDFS))), [VIEW, GLASS]) is None


def test_segments_fill_the_recording_and_turn_half_way_between_frames() -> None:
    aligned = align(heard("_ v y y uw g l ae s _"), [VIEW, GLASS])
    assert aligned is not None
    segments = aligned.segments(0.32)
    assert [segment.phone for segment in segments] == ["SIL", "v", "y", "uw", "g", "l", "ae", "s", "SIL"]
    assert sum(segment.duration_s for segment in segments) == pytest.approx(0.32)
    assert segments[0].duration_s == pytest.approx(0.0125 + 0.015)  # frame 0 has its middle at 12.5 ms
    assert segments[2].duration_s == pytest.approx(0.06)


def test_what_nobody_wrote_down_is_the_string_of_phones_that_is_clearest() -> None:
    spoken = "_ _ b w eh eh n ao ao s _"
    named = transcribe(heard(spoken, certainty=12.0))
    assert named is not None
    assert " ".join("_" if phone == "SIL" else phone for phone in named.phones) == spoken
    assert named.shortfall == pytest.approx(0.0)


def test_a_doubtful_frame_is_no_phone_of_its_own() -> None:
    scores = heard("eh eh eh n n n", certainty=12.0)
    scores[1] = np.log(np.full(len(PDFS), 1 / len(PDFS)))
    scores[1, PDFS.index("ih")] += 0.5
    named = transcribe(scores)
    assert named is not None
    assert named.phones == ("eh", "eh", "eh", "n", "n", "n")
    assert named.shortfall == pytest.approx(0.5 / 6)


def test_there_is_no_string_of_phones_without_a_frame() -> None:
    assert transcribe(np.zeros((0, len(PDFS)))) is None
