"""What is worth decoding: every sample of speech with its edges, and nothing of a quiet room."""

import math
import random
from array import array
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.voice.gate import (
    BLOCK_BYTES,
    BLOCK_S,
    FLOOR_S,
    HANG_OVER_S,
    PRE_ROLL_S,
    Gate,
    Passage,
    speech_level,
)
from edge_agent.voice.libvosk import RATE

HANG_OVER_BYTES = round(HANG_OVER_S / BLOCK_S) * BLOCK_BYTES
PRE_ROLL_BYTES = round(PRE_ROLL_S / BLOCK_S) * BLOCK_BYTES


@cache
def noise(seconds: float, deviation: float, seed: int = 1) -> bytes:
    """Evenly distributed samples of this standard deviation."""
    draws = random.Random(seed).randbytes(round(seconds * RATE))
    value = [round((byte - 127.5) * deviation / 73.9) for byte in range(256)]
    return array("h", (value[byte] for byte in draws)).tobytes()


def hum(seconds: float, peak: int, hertz: float) -> list[int]:
    return [round(peak * math.sin(2 * math.pi * hertz * n / RATE)) for n in range(round(seconds * RATE))]


def passages(gate: Gate, pcm: bytes) -> list[Passage]:
    return list(gate.feed(pcm))


def decoded_bytes(found: list[Passage]) -> int:
    return sum(len(passage.audio) for passage in found)


def quiet_gate(deviation: float = 10) -> Gate:
    """A gate that has got to know a quiet room, and closed."""
    gate = Gate()
    passages(gate, noise(3, deviation))
    assert not gate.is_open
    return gate


def test_it_begins_open_and_closes_in_a_quiet_room() -> None:
    found = passages(Gate(), noise(60, 30))
    assert decoded_bytes(found) == HANG_OVER_BYTES
    assert [passage.ends for passage in found] == [False] * (len(found) - 1) + [True]


def test_what_came_just_before_a_sound_is_decoded_with_it_and_what_was_skipped_is_counted() -> None:
    gate = quiet_gate()
    before, sound = noise(2, 10, seed=2), noise(0.5, 1000)
    found = passages(gate, before + sound)
    assert found[0].audio == (before + sound)[-PRE_ROLL_BYTES - len(sound) :][: PRE_ROLL_BYTES + BLOCK_BYTES]
    skipped_before = len(noise(3, 10)) - HANG_OVER_BYTES
    assert found[0].skipped_bytes == skipped_before + len(before) - PRE_ROLL_BYTES


def test_what_comes_after_a_sound_is_decoded_until_its_utterance_has_ended() -> None:
    gate = quiet_gate()
    found = passages(gate, noise(0.5, 1000) + noise(5, 10))
    assert decoded_bytes(found) == PRE_ROLL_BYTES + len(noise(0.5, 0)) + HANG_OVER_BYTES
    assert found[-1].ends
    assert not any(passage.ends for passage in found[:-1])


def test_a_pause_between_words_does_not_close_it() -> None:
    gate = quiet_gate()
    said = noise(0.3, 1000) + noise(0.9, 10) + noise(0.3, 1000)
    found = passages(gate, said)
    assert b"".join(passage.audio for passage in found).endswith(said)
    assert [passage.skipped_bytes for passage in found[1:]] == [0] * (len(found) - 1)


def test_a_fan_that_starts_opens_it_for_no_longer_than_the_floor_takes_to_rise() -> None:
    gate = quiet_gate()
    passages(gate, noise(FLOOR_S + HANG_OVER_S + 1, 500))
    assert not gate.is_open
    assert decoded_bytes(passages(gate, noise(30, 500, seed=5))) == 0


def test_a_voice_over_a_hum_that_is_louder_opens_it() -> None:
    gate = Gate()
    buzz = array("h", hum(12, 4000, 50))
    passages(gate, buzz.tobytes())
    assert not gate.is_open
    voice = hum(12, 1000, 700)
    passages(gate, array("h", (one + other for one, other in zip(buzz, voice, strict=True)))[: RATE // 2].tobytes())
    assert gate.is_open


@pytest.mark.parametrize(("hertz", "gain"), [(50, 0.01), (990, 1.97), (1990, 4), (3010, 1.97), (3990, 0)])
def test_the_level_is_that_of_the_middle_of_speech(hertz: int, gain: float) -> None:
    tone = array("h", hum(1, 10_000, hertz)).tobytes()
    assert speech_level(tone) / (10_000**2 / 2) == pytest.approx(gain, rel=0.02, abs=0.01)


@pytest.mark.parametrize("pcm", [b"", b"\0", bytes(2), bytes(7)])
def test_next_to_no_audio_is_no_error(pcm: bytes) -> None:
    gate = Gate()
    assert passages(gate, pcm) == []
    assert speech_level(bytes(2)) == 0


@given(st.lists(st.tuples(st.sampled_from([5, 10, 2000]), st.integers(1, 40)), max_size=8), st.integers(100, 4000))
def test_no_sample_is_decoded_twice_or_out_of_order_or_forgotten_in_the_count(
    parts: list[tuple[int, int]], piece_bytes: int
) -> None:
    whole = b"".join(noise(count * BLOCK_S, level, seed=count) for level, count in parts)
    gate = Gate()
    found = [
        passage for at in range(0, len(whole), piece_bytes) for passage in gate.feed(whole[at : at + piece_bytes])
    ]
    position = 0
    for passage in found:
        position += passage.skipped_bytes
        assert whole[position : position + len(passage.audio)] == passage.audio
        position += len(passage.audio)
    assert position <= len(whole)
