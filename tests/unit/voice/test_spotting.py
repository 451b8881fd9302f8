"""The real decoder on real files: what a person says is heard once, and nothing else is heard."""

import random
from array import array
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.model.campaign import Creative, Turn
from edge_agent.model.errors import VoiceError
from edge_agent.model.formats import Format
from edge_agent.voice.dialogue import phrases_for
from edge_agent.voice.grammar import Grammar, build_grammar
from edge_agent.voice.libvosk import RATE, Decoder, SpeechModel
from edge_agent.voice.models import Model
from edge_agent.voice.sounds import MOST_POINTS
from edge_agent.voice.sounds.look import Look, look_of
from edge_agent.voice.spotter import Detection
from edge_agent.voice.spotting import BLOCK_BYTES, REMEMBER_S, PhraseStream, spot_audio, spot_file
from edge_agent.voice.wav import read_wav

PHRASES = ("hey kitchen", "stop", "not interested", "tell me more")


@pytest.fixture(scope="session")
def grammar(model: Model) -> Grammar:
    return build_grammar(PHRASES, model.vocabulary())


def pause(seconds: float) -> bytes:
    return bytes(round(seconds * RATE) * 2)


def test_no_answer_of_an_advertisers_makes_a_stop_wait(model: Model, speech: Path) -> None:
    """What a longer phrase begins with is told later, when that was not said."""

    def told_after_bytes(*answers: str) -> int:
        turn = Turn(id="a", say="a.wav", transcript="Well?", answers=dict.fromkeys(answers, "end"))
        talk = Creative(
            crid="talk",
            format=Format.VOICE_DIALOGUE,
            dur=timedelta(seconds=9),
            transcript="Well?",
            turns=(turn,),
        )
        phrases = phrases_for(("hey kitchen",), "en", talk, "a")
        stream = PhraseStream(model.load(), build_grammar(phrases, model.vocabulary()))
        pcm = read_wav(speech / "stop-rms.wav") + pause(2)
        blocks = range(0, len(pcm), BLOCK_BYTES)
        return next(at for at in blocks if [*stream.feed(pcm[at : at + BLOCK_BYTES])])

    assert told_after_bytes("stop by tomorrow", "stop please", "tomorrow") == told_after_bytes("tomorrow")


def phrases_in(stream: PhraseStream, pcm: bytes) -> list[str]:
    return [detection.phrase for detection in [*stream.feed(pcm), *stream.finish()]]


@pytest.mark.parametrize(
    "name",
    [
        "hey-kitchen-rms",
        "hey-kitchen-awb",
        "hey-kitchen-slt",
        "tell-me-more-rms",
        "tell-me-more-awb",
        "stop-rms",
        "stop-slt",
        "not-interested-rms",
        "not-interested-slt",
    ],
)
def test_a_phrase_is_heard_once_and_where_it_was(model: Model, speech: Path, name: str) -> None:
    path = speech / f"{name}.wav"
    (heard,) = spot_file(path, PHRASES, model.directory)
    assert heard.phrase == name.rpartition("-")[0].replace("-", " ")
    length_s = len(read_wav(path)) / 2 / RATE
    # The files have 0.3 s of silence at either end.
    assert heard.start_s == pytest.approx(0.3, abs=0.15)
    assert heard.end_s == pytest.approx(length_s - 0.3, abs=0.25)
    assert 0.5 <= heard.confidence <= 1


@pytest.mark.parametrize("voice", ["rms", "slt", "awb"])
def test_running_speech_is_none_of_the_phrases(model: Model, speech: Path, voice: str) -> None:
    assert spot_file(speech / f"running-speech-{voice}.wav", PHRASES, model.directory) == []


@pytest.mark.parametrize("kind", ["silence", "hiss", "loud hiss", "hum", "clicks"])
def test_what_is_no_speech_is_none_of_the_phrases(speech_model: SpeechModel, grammar: Grammar, kind: str) -> None:
    draw = random.Random(7)
    count = 20 * RATE
    samples: dict[str, Callable[[int], int]] = {
        "silence": lambda _: 0,
        "hiss": lambda _: round(draw.gauss(0, 300)),
        "loud hiss": lambda _: max(-32768, min(32767, round(draw.gauss(0, 9000)))),
        "hum": lambda index: 6000 if index % 320 < 160 else -6000,
        "clicks": lambda index: 20000 if index % 5000 < 12 else 0,
    }
    noise = array("h", (samples[kind](index) for index in range(count))).tobytes()
    assert phrases_in(PhraseStream(speech_model, grammar, 1.0), noise) == []


class CountingLook(Look):
    """A second look that notes what it was asked about."""

    def __init__(self, look: Look) -> None:
        vars(self).update(vars(look))
        self.asked: list[tuple[str, ...]] = []

    def points(self, pcm: bytes, words: tuple[str, ...], start_s: float, end_s: float) -> float:
        self.asked.append(words)
        return super().points(pcm, words, start_s, end_s)


@pytest.mark.parametrize(("sensitivity", "is_looked_at"), [(0.0, False), (1.0, True)])
def test_sounds_are_looked_at_only_where_that_could_decide(
    model: Model, speech_model: SpeechModel, speech: Path, sensitivity: float, *, is_looked_at: bool
) -> None:
    """What sounds a little like the phrase is far below one threshold and near the other."""
    look = look_of(speech_model)
    assert look is not None
    stream = PhraseStream(speech_model, build_grammar(["stay kitchen"], model.vocabulary()), sensitivity)
    stream._look = counting = CountingLook(look)
    assert [*stream.feed(pause(2) + read_wav(speech / "running-speech-slt.wav"))] == []
    assert counting.asked == []
    phrases_in(stream, read_wav(speech / "hey-kitchen-rms.wav") + pause(1))
    assert bool(counting.asked) == is_looked_at


def test_a_score_holds_what_the_sounds_say(speech_model: SpeechModel, grammar: Grammar, speech: Path) -> None:
    audio = pause(5) + read_wav(speech / "hey-kitchen-rms.wav")
    found = []
    for look in (look_of(speech_model), None):
        stream = PhraseStream(speech_model, grammar)
        stream._look = look
        found += [*stream.feed(audio), *stream.finish()]
    looked_at, plain = found
    assert (looked_at.start_s, looked_at.end_s) == (plain.start_s, plain.end_s)
    assert 0 < looked_at.score - plain.score <= MOST_POINTS


def test_a_phrase_and_another_in_the_same_breath_are_both_heard(
    speech_model: SpeechModel, grammar: Grammar, speech: Path
) -> None:
    audio = read_wav(speech / "wake-and-command.wav")
    assert phrases_in(PhraseStream(speech_model, grammar), audio) == ["hey kitchen", "tell me more"]


def test_one_word_in_the_same_breath_as_a_phrase_is_heard_as_soon_as_the_phrase(
    speech_model: SpeechModel, grammar: Grammar, speech: Path
) -> None:
    first, second = read_wav(speech / "tell-me-more-rms.wav"), read_wav(speech / "stop-rms.wav")
    audio = first[: -len(pause(0.3))] + second[len(pause(0.25)) :] + pause(2)
    stream = PhraseStream(speech_model, grammar)
    waits_s: dict[str, float] = {}
    for start in range(0, len(audio), 1600):
        for heard in stream.feed(audio[start : start + 1600]):
            waits_s[heard.phrase] = (start + 1600) / 2 / RATE - heard.end_s
    assert list(waits_s) == ["tell me more", "stop"]
    assert max(waits_s.values()) < 0.45


def test_a_phrase_right_after_other_speech_has_its_beginning(
    model: Model, speech_model: SpeechModel, speech: Path
) -> None:
    stream = PhraseStream(speech_model, build_grammar(["stop"], model.vocabulary()))
    audio = read_wav(speech / "running-speech-rms.wav") + read_wav(speech / "stop-rms.wav") + pause(1)
    assert phrases_in(stream, audio) == ["stop"]


def test_it_is_not_stuck_after_one_wake(speech_model: SpeechModel, grammar: Grammar, speech: Path) -> None:
    stream = PhraseStream(speech_model, grammar)
    once = read_wav(speech / "hey-kitchen-rms.wav") + pause(1)
    noise = read_wav(speech / "running-speech-rms.wav") + pause(1)
    assert phrases_in(stream, (once + noise) * 4) == ["hey kitchen"] * 4


def test_it_is_heard_before_the_decoder_would_say_so(
    speech_model: SpeechModel, grammar: Grammar, speech: Path
) -> None:
    audio = read_wav(speech / "hey-kitchen-rms.wav") + pause(2)
    stream = PhraseStream(speech_model, grammar)
    decoder = Decoder(speech_model, grammar.for_vosk)
    ours_s = theirs_s = None
    for start in range(0, len(audio), 3200):
        now_s = (start + 3200) / 2 / RATE
        if [*stream.feed(audio[start : start + 3200])]:
            ours_s = now_s
        if decoder.accept(audio[start : start + 3200]) and theirs_s is None:
            theirs_s = now_s
    assert ours_s is not None
    assert theirs_s is not None
    assert ours_s <= theirs_s - 0.3


def test_how_audio_is_cut_into_pieces_makes_no_difference(
    speech_model: SpeechModel, grammar: Grammar, speech: Path
) -> None:
    audio = read_wav(speech / "wake-and-command.wav")
    whole = PhraseStream(speech_model, grammar)
    expected = [*whole.feed(audio), *whole.finish()]
    draw = random.Random(3)
    pieces = PhraseStream(speech_model, grammar)
    found: list[Detection] = []
    position = 0
    while position < len(audio):
        length = draw.randrange(1, 5000)
        found += pieces.feed(audio[position : position + length])
        position += length
    assert [*found, *pieces.finish()] == expected


def test_a_phrase_that_is_being_said_while_the_grammar_changes_is_heard_whole(
    model: Model, speech_model: SpeechModel, grammar: Grammar, speech: Path
) -> None:
    audio = read_wav(speech / "tell-me-more-rms.wav") + pause(1)
    stream = PhraseStream(speech_model, build_grammar(["hey kitchen"], model.vocabulary()))
    middle = round(0.9 * RATE) * 2
    assert [*stream.feed(audio[:middle])] == []
    stream.listen_for(grammar)
    assert phrases_in(stream, audio[middle:]) == ["tell me more"]


def test_a_phrase_that_was_over_when_the_grammar_changed_is_not_heard(
    model: Model, speech_model: SpeechModel, grammar: Grammar, speech: Path
) -> None:
    stream = PhraseStream(speech_model, build_grammar(["hey kitchen"], model.vocabulary()))
    assert [*stream.feed(read_wav(speech / "stop-rms.wav"))] == []
    stream.listen_for(grammar)
    assert phrases_in(stream, pause(2)) == []


@pytest.mark.parametrize("between", ["stop", "hey kitchen"])
def test_nor_is_it_when_the_grammar_changes_twice_before_more_audio_comes(
    model: Model, speech_model: SpeechModel, grammar: Grammar, speech: Path, between: str
) -> None:
    stream = PhraseStream(speech_model, build_grammar(["hey kitchen"], model.vocabulary()))
    assert [*stream.feed(read_wav(speech / "tell-me-more-rms.wav"))] == []
    stream.listen_for(build_grammar([between], model.vocabulary()))
    stream.listen_for(grammar)
    assert phrases_in(stream, pause(2)) == []


def test_a_phrase_that_was_left_out_for_no_moment_of_audio_is_heard(
    model: Model, speech_model: SpeechModel, grammar: Grammar, speech: Path
) -> None:
    stream = PhraseStream(speech_model, grammar)
    audio = read_wav(speech / "tell-me-more-rms.wav")
    said = round(1.3 * RATE) * 2
    assert [*stream.feed(audio[:said])] == []
    stream.listen_for(build_grammar(["hey kitchen"], model.vocabulary()))
    stream.listen_for(grammar)
    assert phrases_in(stream, audio[said:] + pause(1)) == ["tell me more"]


def test_changing_the_grammar_does_not_hear_a_phrase_twice(
    speech_model: SpeechModel, grammar: Grammar, speech: Path
) -> None:
    stream = PhraseStream(speech_model, grammar)
    assert [each.phrase for each in stream.feed(read_wav(speech / "stop-rms.wav") + pause(0.2))] == ["stop"]
    stream.listen_for(grammar)
    assert phrases_in(stream, pause(2)) == []


def test_no_more_audio_is_held_than_promised(speech_model: SpeechModel, grammar: Grammar) -> None:
    stream = PhraseStream(speech_model, grammar)
    assert [*stream.feed(pause(30))] == []
    assert len(stream._remembered) <= REMEMBER_S * RATE * 2
    assert len(stream._waiting) < RATE * 2


def test_readings_come_likeliest_first_and_no_more_than_were_asked_for(
    speech_model: SpeechModel, grammar: Grammar, speech: Path
) -> None:
    audio = read_wav(speech / "hey-kitchen-rms.wav")
    readings = Decoder(speech_model, grammar.for_vosk).readings(audio, 12)
    likelihoods = [reading.log_likelihood for reading in readings]
    assert likelihoods == sorted(likelihoods, reverse=True)
    texts = [" ".join(word.text for word in reading.words) for reading in readings]
    assert texts[0] == "hey kitchen"
    assert len(set(texts)) == len(texts) <= 12
    unsure = Decoder(speech_model, grammar.for_vosk).readings(read_wav(speech / "running-speech-rms.wav"), 2)
    assert len(unsure) == 2


def test_an_utterance_ends_with_the_words_it_had_and_the_next_begins_without(
    speech_model: SpeechModel, grammar: Grammar, speech: Path
) -> None:
    decoder = Decoder(speech_model, grammar.for_vosk)
    audio = read_wav(speech / "hey-kitchen-rms.wav") + pause(2)
    blocks = (audio[start : start + 1600] for start in range(0, len(audio), 1600))
    ended = [decoder.end_utterance() for block in blocks if decoder.accept(block)]
    assert ended[0] == ("hey", "kitchen")
    assert ("hey", "kitchen") not in ended[1:]
    assert decoder.finish() == ()


def test_times_go_on_after_detections(speech_model: SpeechModel, grammar: Grammar, speech: Path) -> None:
    once = read_wav(speech / "stop-rms.wav") + pause(1)
    stream = PhraseStream(speech_model, grammar)
    heard = [*stream.feed(once * 3), *stream.finish()]
    length_s = len(once) / 2 / RATE
    assert [round(each.start_s - index * length_s, 1) for index, each in enumerate(heard)] == [0.3] * 3


@pytest.mark.parametrize("pcm", [b"", b"\x00", bytes(2), bytes(3201)])
def test_next_to_no_audio_is_no_error(model: Model, speech_model: SpeechModel, pcm: bytes) -> None:
    assert spot_audio(pcm, PHRASES, speech_model, model.vocabulary()) == []


def test_vosk_refuses_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="cannot read the speech model"):
        SpeechModel(tmp_path)
