"""Our own recordings neither wake nor answer us, and a person is heard over them: real model, real speech."""

import random
import threading
import time
import wave
from array import array
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.model.errors import VoiceError
from edge_agent.model.events import Event, PhraseHeard
from edge_agent.voice.echo import FRAME_BYTES, REHEARSALS, TAIL_S, Residue, new_remover
from edge_agent.voice.grammar import Grammar, build_grammar
from edge_agent.voice.libvosk import RATE, SpeechModel
from edge_agent.voice.models import Model
from edge_agent.voice.own_voice import LATEST_S, LEAST_SCORE_OVER_US, OwnSound, OwnVoice, phrases_in
from edge_agent.voice.recogniser import Recogniser, Wishes
from edge_agent.voice.source_wav import WavSource
from edge_agent.voice.spotter import Detection
from edge_agent.voice.stream_clock import REMEMBERS_S
from edge_agent.voice.wav import read_wav

BLOCK = RATE // 20 * 2
SECOND = 2 * RATE


@pytest.fixture(scope="module")
def grammar(model: Model) -> Grammar:
    return build_grammar(("hey kitchen", "tell me more", "stop"), model.vocabulary())


def followed(own: OwnVoice, seconds: float, now_s: float) -> float:
    """Let seconds of silence come in from the microphone; return the clock after them."""
    for _ in range(round(seconds * 20)):
        now_s += 0.05
        own.take(bytes(BLOCK), now_s)
    return now_s


def known(own: OwnVoice) -> None:
    """Wait until all of the recording was listened to."""
    assert own.hearing is not None
    own.hearing.join()


def heard(phrase: str, end_s: float) -> Detection:
    return Detection(phrase, end_s - 0.5, end_s, LEAST_SCORE_OVER_US)


def test_what_our_recording_says_is_passed_over_where_it_says_it(
    speech: Path, speech_model: SpeechModel, grammar: Grammar
) -> None:
    asset = speech / "wake-and-command.wav"  # "hey kitchen, tell me more"
    own = OwnVoice(read_wav, speech_model, 100.0)
    own.play(OwnSound(asset), grammar)
    now_s = followed(own, 1, 100.0)
    known(own)
    assert not own.is_own(heard("hey kitchen", 1.0)), "nothing of it sounds yet"
    own.play(OwnSound(asset, now_s), grammar)
    followed(own, 4, now_s)
    said_s = len(read_wav(asset)) / SECOND
    assert own.is_own(heard("tell me more", 1 + said_s - 0.2)), "the end of the recording, a little late"
    assert not own.is_own(heard("stop", 1 + said_s - 0.2)), "another phrase at the same place"
    assert not own.is_own(heard("tell me more", 1 + said_s + LATEST_S + 1)), "the same phrase, later"
    assert not own.is_own(heard("tell me more", 1.3)), "the same phrase, earlier"


def test_a_stream_that_begins_in_the_middle_of_our_recording_knows_the_rest(
    speech: Path, speech_model: SpeechModel, grammar: Grammar
) -> None:
    asset = speech / "wake-and-command.wav"
    own = OwnVoice(read_wav, speech_model, 1.0)
    own.play(OwnSound(asset, 0.0), grammar)
    known(own)
    followed(own, 3, 1.0)
    said_s = len(read_wav(asset)) / SECOND
    assert own.is_own(heard("tell me more", said_s - 1.0 - 0.2))
    assert not own.is_own(heard("tell me more", said_s - 0.2 + LATEST_S)), "later by what was missed of it"


def test_audio_that_had_to_wait_for_us_is_not_taken_for_late(
    speech: Path, speech_model: SpeechModel, grammar: Grammar
) -> None:
    asset = speech / "wake-and-command.wav"
    own = OwnVoice(read_wav, speech_model, 0.0)
    now_s = followed(own, 1, 0.0)
    own.play(OwnSound(asset, now_s), grammar)
    known(own)
    said_s = len(read_wav(asset)) / SECOND
    for _ in range(round(said_s * 20)):
        own.take(bytes(BLOCK), now_s + 5)  # all of it at once, five seconds later
    assert own.is_own(heard("tell me more", 1 + said_s - 0.2))


def test_audio_that_waits_for_us_for_half_a_minute_is_not_taken_for_the_present(
    speech: Path, speech_model: SpeechModel, grammar: Grammar
) -> None:
    asset = speech / "wake-and-command.wav"
    own = OwnVoice(read_wav, speech_model, 0.0)
    followed(own, 1, 0.0)
    followed(own, 30, 4.0)  # the decoder is behind by three seconds
    own.play(OwnSound(asset, 32.0), grammar)
    known(own)
    said_s = len(read_wav(asset)) / SECOND
    followed(own, said_s, 34.0)
    assert own.is_own(heard("tell me more", 32 + said_s - 0.2))


@pytest.mark.parametrize("before", [True, False], ids=["before it begins", "while it plays"])
def test_what_our_recording_says_is_found_at_once_when_audio_was_dropped(
    speech: Path, speech_model: SpeechModel, grammar: Grammar, before: bool
) -> None:
    asset = speech / "wake-and-command.wav"
    said_s = len(read_wav(asset)) / SECOND
    own = OwnVoice(read_wav, speech_model, 0.0)
    now_s = followed(own, 3, 0.0)
    if before:
        own.take(bytes(BLOCK), now_s + 1.05, 1.0)
        now_s += 1.05
        own.play(OwnSound(asset, now_s), grammar)
        known(own)
        now_s = followed(own, 1, now_s)
    else:
        own.play(OwnSound(asset, now_s), grammar)
        known(own)
        own.take(bytes(BLOCK), now_s + 1.05, 1.0)
        now_s += 1.05
    followed(own, 4, now_s)
    place_s = 3.05 if before else 2.0
    assert own.is_own(heard("tell me more", place_s + said_s - 0.2))
    assert not own.is_own(heard("tell me more", place_s + 1 + said_s - 0.2 + LATEST_S)), "where it would be else"


def test_what_our_recording_said_before_audio_was_dropped_stays_ours(
    speech: Path, speech_model: SpeechModel, grammar: Grammar
) -> None:
    asset = speech / "wake-and-command.wav"
    said_s = len(read_wav(asset)) / SECOND
    own = OwnVoice(read_wav, speech_model, 0.0)
    own.play(OwnSound(asset, 0.0), grammar)
    known(own)
    now_s = followed(own, said_s, 0.0)
    own.take(bytes(BLOCK), now_s + 3, 3.0)
    assert own.is_own(heard("tell me more", said_s - 0.2))


def test_audio_that_comes_in_large_pieces_is_not_taken_for_late(
    speech: Path, speech_model: SpeechModel, grammar: Grammar
) -> None:
    asset = speech / "wake-and-command.wav"
    said_s = len(read_wav(asset)) / SECOND
    own = OwnVoice(read_wav, speech_model, 0.0)
    now_s = 0.0
    for _ in range(5):
        for waited_s in (0.1, 0.2, 0.3):
            own.take(b"", now_s + waited_s)
        now_s += 0.4
        own.take(bytes(8 * BLOCK), now_s)
    own.take(b"", now_s + 0.3)
    own.play(OwnSound(asset, now_s), grammar)
    known(own)
    assert own.is_own(heard("tell me more", now_s + said_s - 0.3 + LATEST_S)), "as late as may be"


def test_some_time_after_audio_was_lost_on_its_way_our_recording_is_looked_for_at_its_place(
    speech: Path, speech_model: SpeechModel, grammar: Grammar
) -> None:
    asset = speech / "wake-and-command.wav"
    said_s = len(read_wav(asset)) / SECOND
    own = OwnVoice(read_wav, speech_model, 0.0)
    now_s = followed(own, 10, 0.0) + 9.0  # so long were we busy; five seconds of it are left
    for _ in range(5 * 20):
        own.take(bytes(BLOCK), now_s)
    now_s = followed(own, REMEMBERS_S + 1, now_s)
    own.play(OwnSound(asset, now_s), grammar)
    known(own)
    followed(own, said_s, now_s)
    assert own.is_own(heard("tell me more", now_s - 4 + said_s - 0.2)), "of the stream, four seconds are missing"


@pytest.mark.parametrize("drift", [-1e-3, 1e-3])
def test_a_microphone_that_is_not_as_fast_as_the_clock_is_followed_for_hours(
    speech: Path, speech_model: SpeechModel, grammar: Grammar, drift: float
) -> None:
    asset = speech / "wake-and-command.wav"
    own = OwnVoice(read_wav, speech_model, 0.0)
    now_s, blocks = 0.0, 3600 * 2
    for _ in range(blocks):
        now_s += 0.5 * (1 + drift)
        own.take(bytes(10 * BLOCK), now_s)
    own.play(OwnSound(asset, now_s), grammar)
    known(own)
    said_s = len(read_wav(asset)) / SECOND
    followed(own, said_s, now_s)
    assert own.is_own(heard("tell me more", blocks * 0.5 + said_s - 0.2))
    assert not own.is_own(heard("tell me more", blocks * 0.5 + said_s - 0.2 - LATEST_S))


def test_a_stop_in_the_middle_of_our_own_sentence_is_known(
    speech: Path, speech_model: SpeechModel, grammar: Grammar
) -> None:
    pcm = read_wav(speech / "running-speech-rms.wav")  # "the trains do not stop at this station …"
    assert "stop" in {spoken.phrase for spoken in phrases_in(pcm, speech_model, grammar)}


def test_what_was_closed_before_it_was_said_may_be_said_by_a_person(
    speech: Path, speech_model: SpeechModel, grammar: Grammar
) -> None:
    asset = speech / "wake-and-command.wav"
    own = OwnVoice(read_wav, speech_model, 0.0)
    own.play(OwnSound(asset, 0.0), grammar)
    known(own)
    now_s = followed(own, 0.6, 0.0)
    own.play(None, grammar)
    followed(own, 3, now_s)
    assert not own.is_own(heard("tell me more", len(read_wav(asset)) / SECOND - 0.2))


def test_the_end_of_one_recording_is_known_while_the_next_one_waits_and_sounds(
    speech: Path, speech_model: SpeechModel, grammar: Grammar
) -> None:
    asset = speech / "wake-and-command.wav"
    said_s = len(read_wav(asset)) / SECOND
    own = OwnVoice(read_wav, speech_model, 0.0)
    own.play(OwnSound(asset, 0.0), grammar)
    known(own)
    now_s = followed(own, said_s - 0.1, 0.0)
    following = speech / "running-speech-rms.wav"
    own.play(OwnSound(following), grammar)
    assert own.is_own(heard("tell me more", said_s - 0.2 + LATEST_S / 2)), "what closes may still be in the air"
    own.play(OwnSound(following, now_s + 0.2), grammar)
    assert own.is_own(heard("tell me more", said_s - 0.2 + LATEST_S / 2))
    assert not own.is_own(heard("tell me more", said_s + LATEST_S + 1))


def test_phrases_that_are_new_in_the_middle_of_our_recording_are_looked_for_in_it(
    model: Model, speech: Path, speech_model: SpeechModel, grammar: Grammar
) -> None:
    asset = speech / "wake-and-command.wav"
    own = OwnVoice(read_wav, speech_model, 0.0)
    own.play(OwnSound(asset, 0.0), build_grammar(("stop",), model.vocabulary()))
    known(own)
    said_s = len(read_wav(asset)) / SECOND
    now_s = followed(own, said_s / 2, 0.0)
    own.play(OwnSound(asset, 0.0), grammar)
    known(own)
    followed(own, said_s / 2, now_s)
    assert own.is_own(heard("tell me more", said_s - 0.2))


def test_a_recording_that_begins_when_a_source_was_idle_for_a_minute_is_looked_for_at_its_place(
    speech: Path, speech_model: SpeechModel, grammar: Grammar
) -> None:
    asset = speech / "wake-and-command.wav"
    said_s = len(read_wav(asset)) / SECOND
    own = OwnVoice(read_wav, speech_model, 0.0)
    now_s = followed(own, 1, 0.0)
    for _ in range(600):
        now_s += 0.1
        own.take(b"", now_s)
    own.play(OwnSound(asset, now_s), grammar)
    known(own)
    followed(own, said_s, now_s)
    assert own.is_own(heard("tell me more", 1 + said_s - 0.2)), "of the stream, a minute is missing"


def test_a_recording_that_cannot_be_read_leaves_it_to_the_transcript(
    speech_model: SpeechModel, grammar: Grammar, tmp_path: Path
) -> None:
    def refuse(path: Path, _most_s: float) -> bytes:
        raise VoiceError(f"{path} is no WAV.")

    own = OwnVoice(refuse, speech_model, 0.0)
    own.play(OwnSound(tmp_path / "say.mp3", 0.0), grammar)
    known(own)
    assert not own.is_own(heard("stop", 0.0))


def test_no_more_of_a_recording_is_read_than_is_played(
    speech: Path, speech_model: SpeechModel, grammar: Grammar
) -> None:
    """An advertiser's file may hold an hour, of which its slot lets ten seconds be heard."""
    asset = speech / "wake-and-command.wav"
    own = OwnVoice(read_wav, speech_model, 0.0)
    own.play(OwnSound(asset, 0.0, most_s=1.0), grammar)
    known(own)
    followed(own, 3, 0.0)
    said_s = len(read_wav(asset)) / SECOND
    assert own.is_own(heard("hey kitchen", 0.9))
    assert not own.is_own(heard("tell me more", said_s - 0.2))


def test_a_recording_that_takes_long_to_read_keeps_nobody_from_listening(
    speech: Path, speech_model: SpeechModel, grammar: Grammar
) -> None:
    may_read = threading.Event()
    asset = speech / "wake-and-command.wav"

    def slowly(path: Path, _most_s: float) -> bytes:
        may_read.wait()
        return read_wav(path)

    own = OwnVoice(slowly, speech_model, 0.0)
    own.play(OwnSound(asset, 0.0), grammar)
    followed(own, 1, 0.0)
    assert not own.is_own(heard("tell me more", 0.9)), "nobody knows yet what it says"
    may_read.set()
    known(own)
    followed(own, 3, 1.0)
    assert own.is_own(heard("tell me more", len(read_wav(asset)) / SECOND - 0.2))


def test_when_a_stream_ends_nobody_goes_on_hearing_our_recording(
    speech: Path, speech_model: SpeechModel, grammar: Grammar
) -> None:
    """A mute ends it, and somebody may press that button again and again while we speak."""
    may_read = threading.Event()

    def slowly(path: Path, _most_s: float) -> bytes:
        may_read.wait()
        return read_wav(path)

    own = OwnVoice(slowly, speech_model, 0.0)
    own.play(OwnSound(speech / "wake-and-command.wav", 0.0), grammar)
    own.close()
    may_read.set()
    known(own)
    followed(own, 3, 0.0)
    assert not own.is_own(heard("hey kitchen", 0.7))


def test_the_stream_loses_no_sample_while_we_speak(speech: Path, speech_model: SpeechModel, grammar: Grammar) -> None:
    own = OwnVoice(read_wav, speech_model, 0.0)
    asset = speech / "stop-rms.wav"
    given = taken = 0
    now_s = 0.0
    for number in range(80):
        if number in {10, 20}:
            own.play(OwnSound(asset, now_s), grammar)
        audio = bytes(1000 + 2 * (number % 7))
        now_s += len(audio) / SECOND
        given += len(audio)
        taken += len(own.take(audio, now_s))
    assert taken == given


def echo_of(pcm: bytes, delay_s: float) -> bytes:
    """What a microphone hears of it: later, softer, and with two reflections."""
    samples = array("h", pcm)
    late = array("h", bytes(round(delay_s * RATE) * 2)) + samples
    out = [0.0] * (len(late) + 2000)
    for at, gain in ((0, 0.5), (700, 0.2), (1900, -0.1)):
        for index, sample in enumerate(late):
            out[index + at] += gain * sample
    return array("h", (int(value) for value in out)).tobytes()


def power(pcm: bytes) -> float:
    samples = array("h", pcm)
    return sum(sample * sample for sample in samples) / len(samples)


class Loudspeaker(WavSource):
    """A room in which a recording is heard half a second after its hook says so, which ends before that.

    With its end, what its words contain is listened for.
    """

    def __init__(self, asset: Path, room: Path, phrases: tuple[str, ...], wishes: Wishes) -> None:
        super().__init__(room)
        self._asset = asset
        self._phrases = phrases
        self._wishes = wishes
        self._left_s = len(read_wav(asset)) / SECOND
        with wave.open(str(room), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(bytes(SECOND // 2) + read_wav(asset) + bytes(SECOND))

    def open(self) -> None:
        super().open()
        self._wishes.play(OwnSound(self._asset, time.monotonic(), self._phrases))

    def read(self, gather_s: float = 0.0) -> bytes:
        block = super().read(gather_s)
        before_s, self._left_s = self._left_s, self._left_s - len(block) / SECOND
        if self._left_s <= 0 < before_s:
            self._wishes.listen_for(self._phrases)
            self._wishes.play(None)
        return block


def test_what_a_recording_asks_for_with_its_last_words_is_no_answer_to_it(
    model: Model, speech: Path, tmp_path: Path
) -> None:
    told: list[Event] = []
    wishes = Wishes(("stop",))
    asset = speech / "wake-and-command.wav"  # "hey kitchen, tell me more"
    source = Loudspeaker(asset, tmp_path / "room.wav", ("hey kitchen", "tell me more", "stop"), wishes)
    moment = timedelta(seconds=1)
    Recogniser(
        source,
        model,
        wishes,
        lambda event, _: told.append(event),
        sensitivity=0.5,
        retry_min=moment,
        retry_max=moment,
    ).run()
    assert not [event for event in told if isinstance(event, PhraseHeard)]


needs_library = pytest.mark.skipif(new_remover() is None, reason="libspeexdsp is not installed")


@needs_library
def test_what_is_left_of_us_must_be_surer_than_what_is_said_before_and_after(
    speech: Path, speech_model: SpeechModel, grammar: Grammar
) -> None:
    asset = speech / "stop-rms.wav"
    own = OwnVoice(read_wav, speech_model, 0.0)
    now_s = followed(own, 2, 0.0)
    own.play(OwnSound(asset, now_s), grammar)
    known(own)
    over_s = now_s + len(read_wav(asset)) / SECOND + TAIL_S
    followed(own, 5, now_s)

    def is_passed_over(start_s: float, score: float, phrase: str = "hey kitchen") -> bool:
        return own.is_own(Detection(phrase, start_s, start_s + 0.4, score))

    unsure = LEAST_SCORE_OVER_US - 0.1
    assert is_passed_over(2.1, unsure)
    assert not is_passed_over(2.1, LEAST_SCORE_OVER_US)
    assert not is_passed_over(2.1, unsure, "no thanks"), "a resident who may want us to be silent"
    assert not is_passed_over(1.5, unsure), "said before"
    assert not is_passed_over(over_s + 0.2, unsure), "said after"


@needs_library
def test_our_own_voice_is_taken_out_of_what_is_heard(speech: Path) -> None:
    pcm = read_wav(speech / "running-speech-rms.wav")
    pcm = pcm[: len(pcm) // FRAME_BYTES * FRAME_BYTES]
    heard_pcm = echo_of(pcm, 0.12)[: len(pcm)]
    remover = new_remover()
    assert remover is not None
    cleaned = b""
    for at in range(0, len(pcm), FRAME_BYTES * 4):
        cleaned += remover.clean(heard_pcm[at : at + FRAME_BYTES * 4], pcm[at : at + FRAME_BYTES * 4])
    cleaned += remover.finish()
    assert len(cleaned) == len(heard_pcm)
    begin = round((REHEARSALS[2][0] + 0.2) * RATE) * 2
    assert power(cleaned[begin:]) < power(heard_pcm[begin:]) / 30


@needs_library
def test_our_own_voice_is_taken_out_again_when_audio_was_dropped(
    speech: Path, speech_model: SpeechModel, grammar: Grammar
) -> None:
    asset = speech / "running-speech-rms.wav"
    room = echo_of(read_wav(asset), 0.12)
    own = OwnVoice(read_wav, speech_model, 0.0)
    own.play(OwnSound(asset, 0.0), grammar)
    known(own)
    now_s, cleaned = 0.0, b""
    dropped = range(3 * SECOND, 4 * SECOND)
    for at in range(0, len(room), BLOCK):
        now_s += 0.05
        if at not in dropped:
            cleaned += own.take(room[at : at + BLOCK], now_s, 1.0 if at == dropped.stop else 0.0)
    rest = room[dropped.stop + SECOND :]
    assert power(cleaned[-len(rest) :]) < power(rest) / 30


def test_a_person_is_not_turned_down_with_the_residue() -> None:
    draw = random.Random(7)
    loud = array("h", (draw.randint(-8000, 8000) for _ in range(FRAME_BYTES // 2))).tobytes()
    faint = array("h", (sample // 16 for sample in array("h", loud))).tobytes()
    residue = Residue()
    ours = b"".join(residue.take(loud, faint) for _ in range(100))
    assert power(ours[-10 * FRAME_BYTES :]) < power(faint) / 500
    both = b"".join(residue.take(loud, loud) for _ in range(20)) + residue.finish()
    assert power(both[-10 * FRAME_BYTES :]) == power(loud)
