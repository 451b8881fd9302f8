"""Who is near by: louder than what goes on behind them, and not merely louder than a pause."""

import random
from array import array
from pathlib import Path

import pytest

from edge_agent.voice.foreground import EARLIER, JUST_BEFORE, STEP_S, stands_out
from edge_agent.voice.libvosk import RATE, SpeechModel
from edge_agent.voice.models import Model
from edge_agent.voice.spotting import spot_audio
from edge_agent.voice.wav import read_wav


def sound(*parts: tuple[float, float]) -> bytes:
    """Noise in parts of (seconds, deviation)."""
    draw = random.Random(1)
    return array(
        "h", (round(draw.gauss(0, level)) for length_s, level in parts for _ in range(round(length_s * RATE)))
    ).tobytes()


@pytest.mark.parametrize(
    ("parts", "is_near"),
    [
        ([(2, 300), (0.5, 1000)], True),
        ([(2, 300), (0.5, 400)], False),
        ([(1.5, 300), (0.2, 900), (0.3, 300), (0.5, 1000)], False),
        ([(1.5, 300), (0.3, 900), (0.2, 300), (0.5, 1000)], False),
        ([(1.7, 5), (0.2, 200), (0.1, 5), (0.5, 1000)], False),
        ([(1.7, 200), (0.2, 300), (0.1, 200), (0.5, 1000)], True),
        ([(0.4, 300), (0.5, 1000)], False),
        ([(0.5, 300), (0.5, 1000)], True),
        ([(2, 0), (0.5, 1000)], True),
        ([(0.5, 1000)], False),
    ],
    ids=[
        "a voice over a television",
        "no louder than it",
        "just after a word as loud",
        "after a word as loud",
        "after a soft word that begins the speech",
        "after a television that swells a little",
        "too early to know",
        "early",
        "after nothing at all",
        "from the beginning on",
    ],
)
def test_what_stands_out_is_louder_than_what_goes_on(parts: list[tuple[float, float]], is_near: bool) -> None:
    end_s = sum(length_s for length_s, _ in parts)
    assert stands_out(sound(*parts), end_s - parts[-1][0], end_s) is is_near


def test_what_was_loud_long_ago_does_not_matter() -> None:
    compared_s = (JUST_BEFORE + EARLIER) * STEP_S
    for since_s, is_near in [(compared_s - 0.2, False), (compared_s + 0.2, True)]:
        start_s = 0.5 + since_s
        assert stands_out(sound((0.5, 1000), (since_s, 200), (0.5, 1000)), start_s, start_s + 0.5) is is_near


def samples(path: Path) -> list[int]:
    return array("h", read_wav(path)).tolist()


@pytest.mark.parametrize("begin_s", [3.0, 3.5])
@pytest.mark.parametrize(("softer", "is_heard"), [(3, True), (1, False)], ids=["further away", "as near"])
def test_a_word_is_heard_over_others_who_never_pause(
    model: Model, speech_model: SpeechModel, speech: Path, softer: int, is_heard: bool, begin_s: float
) -> None:
    """Two others talk all the time: "stop" is said to the device where they are further away."""
    some, others = (samples(speech / f"running-speech-{voice}.wav") for voice in ("slt", "awb"))
    begin, word = round(begin_s * RATE), samples(speech / "stop-rms.wav")
    behind = zip([*some[begin:], *some[:begin]], [*others, *others], strict=False)
    mixed = [(one + other) // softer for one, other in behind] + [0] * RATE
    for place, value in enumerate(word, start=2 * RATE):
        mixed[place] += value
    pcm = array("h", (max(-32768, min(32767, value)) for value in mixed)).tobytes()
    heard = spot_audio(pcm, ["stop"], speech_model, model.vocabulary())
    assert any(2.0 < each.end_s < 3.2 for each in heard) is is_heard


def test_a_word_in_the_middle_of_a_sentence_is_not_meant_for_us(
    model: Model, speech_model: SpeechModel, speech: Path
) -> None:
    pcm = read_wav(speech / "running-speech-rms.wav")  # "... do not stop at this station ..."
    assert not spot_audio(pcm, ["stop"], speech_model, model.vocabulary(), sensitivity=1.0)
