"""The gate before the real decoder: what was heard without it is heard with it, where it was."""

from pathlib import Path

import pytest

from edge_agent.voice.gate import PRE_ROLL_S
from edge_agent.voice.gated import GatedStream
from edge_agent.voice.grammar import Grammar, build_grammar
from edge_agent.voice.libvosk import RATE, SpeechModel
from edge_agent.voice.models import Model
from edge_agent.voice.spotter import Detection
from edge_agent.voice.spotting import PhraseStream
from edge_agent.voice.wav import read_wav

PHRASES = ("hey kitchen", "stop", "not interested", "tell me more")
SAID = (
    "hey-kitchen-rms",
    "tell-me-more-awb",
    "stop-slt",
    "wake-and-command",
    "not-interested-rms",
    "hey-kitchen-slt",
)


@pytest.fixture(scope="session")
def grammar(model: Model) -> Grammar:
    return build_grammar(PHRASES, model.vocabulary())


def pause(seconds: float) -> bytes:
    return bytes(round(seconds * RATE) * 2)


def heard_in(stream: GatedStream | PhraseStream, pcm: bytes) -> list[Detection]:
    return [found for at in range(0, len(pcm), 1600) for found in stream.feed(pcm[at : at + 1600])]


def test_what_is_heard_is_what_is_heard_without_a_gate_at_the_same_times(
    speech_model: SpeechModel, grammar: Grammar, speech: Path
) -> None:
    audio = pause(0.5) + b"".join(read_wav(speech / f"{name}.wav") + pause(4) for name in SAID)
    gated = heard_in(GatedStream(speech_model, grammar), audio)
    bare = heard_in(PhraseStream(speech_model, grammar), audio)
    assert [each.phrase for each in gated] == [each.phrase for each in bare]
    for one, other in zip(gated, bare, strict=True):
        assert one.start_s == pytest.approx(other.start_s, abs=0.12)
        assert one.end_s == pytest.approx(other.end_s, abs=0.12)


def test_after_an_hour_of_silence_the_clock_is_right_to_the_sample(
    speech_model: SpeechModel, grammar: Grammar, speech: Path
) -> None:
    stream = GatedStream(speech_model, grammar)
    once = read_wav(speech / "stop-rms.wav") + pause(2)
    (first,) = heard_in(stream, pause(2) + once)
    silent_s = 3600 + 0.0125  # no whole number of blocks
    assert heard_in(stream, pause(silent_s)) == []
    (second,) = heard_in(stream, once)
    assert second.start_s - first.start_s - silent_s == pytest.approx(len(once) / 2 / RATE, abs=0.04)


def test_a_phrase_in_the_first_instant_is_heard(speech_model: SpeechModel, grammar: Grammar, speech: Path) -> None:
    audio = read_wav(speech / "hey-kitchen-rms.wav")[len(pause(0.3)) :] + pause(2)
    assert [each.phrase for each in heard_in(GatedStream(speech_model, grammar), audio)] == ["hey kitchen"]


def test_what_was_said_before_a_silence_is_heard_when_it_begins_not_when_it_ends(
    speech_model: SpeechModel, grammar: Grammar, speech: Path
) -> None:
    audio = pause(3) + read_wav(speech / "tell-me-more-rms.wav") + pause(1)
    assert [each.phrase for each in heard_in(GatedStream(speech_model, grammar), audio)] == ["tell me more"]


def test_other_phrases_count_at_once_in_the_middle_of_a_silence(
    model: Model, speech_model: SpeechModel, grammar: Grammar, speech: Path
) -> None:
    stream = GatedStream(speech_model, build_grammar(["hey kitchen"], model.vocabulary()))
    assert heard_in(stream, read_wav(speech / "stop-rms.wav") + pause(10)) == []
    stream.listen_for(grammar)
    assert heard_in(stream, pause(10)) == []
    (heard,) = heard_in(stream, read_wav(speech / "stop-rms.wav") + pause(1))
    before_s = len(read_wav(speech / "stop-rms.wav")) / 2 / RATE + 20
    assert heard.start_s == pytest.approx(before_s + 0.3, abs=0.15)


def test_other_phrases_in_the_middle_of_one_are_heard_whole(
    model: Model, speech_model: SpeechModel, grammar: Grammar, speech: Path
) -> None:
    audio = pause(3) + read_wav(speech / "tell-me-more-rms.wav") + pause(1)
    middle = len(pause(3 + 0.9))
    stream = GatedStream(speech_model, build_grammar(["hey kitchen"], model.vocabulary()))
    assert heard_in(stream, audio[:middle]) == []
    stream.listen_for(grammar)
    assert [each.phrase for each in heard_in(stream, audio[middle:])] == ["tell me more"]


def test_a_silence_shorter_than_the_pre_roll_leaves_no_gap(
    speech_model: SpeechModel, grammar: Grammar, speech: Path
) -> None:
    wake, command = read_wav(speech / "hey-kitchen-rms.wav"), read_wav(speech / "tell-me-more-rms.wav")
    for between_s in (1.0, 1.0 + PRE_ROLL_S / 2, 1.0 + PRE_ROLL_S, 2.0):
        audio = pause(2) + wake + pause(between_s) + command + pause(2)
        found = [each.phrase for each in heard_in(GatedStream(speech_model, grammar), audio)]
        assert found == ["hey kitchen", "tell me more"], between_s


def test_a_room_is_quiet_until_somebody_speaks(speech_model: SpeechModel, grammar: Grammar, speech: Path) -> None:
    stream = GatedStream(speech_model, grammar)
    quiet = [stream.is_quiet]  # at first nobody knows what is silence here
    for audio in (pause(3), read_wav(speech / "stop-rms.wav")[: RATE // 2 * 2]):
        heard_in(stream, audio)
        quiet.append(stream.is_quiet)
    assert quiet == [False, True, False]
