"""A second look at phrases on the shipped recordings: what was said is told from what sounds like it."""

from __future__ import annotations

import logging
import shutil
import threading
from pathlib import Path

import pytest

from edge_agent.voice.libvosk import RATE, Decoder, SpeechModel
from edge_agent.voice.models import packaged_models
from edge_agent.voice.sounds import MOST_POINTS, points_for
from edge_agent.voice.sounds.look import Look, look_of
from edge_agent.voice.wav import read_wav


@pytest.fixture(scope="module")
def look(speech_model: SpeechModel) -> Look:
    found = look_of(speech_model)
    assert found is not None
    return found


def said_in(path: Path) -> tuple[bytes, float]:
    """Return the audio and where its last 0.3 s, which are silent, begin."""
    pcm = read_wav(path)
    return pcm, len(pcm) / 2 / RATE - 0.3


SAID = {
    "hey-kitchen-rms": ("hey kitchen", ("hey chicken", "hey children", "stay kitchen", "tell me more")),
    "hey-kitchen-slt": ("hey kitchen", ("hey chicken", "hey children", "stay kitchen", "tell me more")),
    "tell-me-more-awb": ("tell me more", ("tell me now", "sell me more", "tell me four", "hey kitchen")),
    "stop-rms": ("stop", ("step", "stock", "shop")),
    "not-interested-slt": ("not interested", ("not invested", "hot interested", "not adjusted")),
}


@pytest.mark.parametrize("name", SAID)
def test_the_weakest_sound_of_what_was_said_is_likelier_than_that_of_what_sounds_like_it(
    look: Look, speech: Path, name: str
) -> None:
    pcm, end_s = said_in(speech / f"{name}.wav")
    phrase, others = SAID[name]
    found = {text: look.sounds(pcm, tuple(text.split()), 0.3, end_s) for text in (phrase, *others)}
    known = {text: min(sounds) for text, sounds in found.items() if sounds}
    assert len(known) > 2, "too few of these words are in the model"
    assert known.pop(phrase) > max(known.values()) + 1


@pytest.mark.parametrize("name", ["hey-kitchen-awb", "tell-me-more-rms", "not-interested-rms"])
def test_it_finds_the_phrase_where_the_decoder_does(speech_model: SpeechModel, speech: Path, name: str) -> None:
    """What the decoder says of times is enough, and a place where the phrase is not has a weaker weakest sound."""
    look = look_of(speech_model)
    assert look is not None
    words = tuple(name.split("-")[:-1])
    pcm, _ = said_in(speech / f"{name}.wav")
    decoder = Decoder(speech_model, f'["{" ".join(words)}", "[unk]"]')
    decoder.accept(pcm)
    found = decoder.finish()
    assert tuple(word.text for word in found) == words
    here = look.sounds(pcm, words, found[0].start_s, found[-1].end_s)
    middle_s = (found[0].start_s + found[-1].end_s) / 2
    elsewhere = look.sounds(pcm, words, middle_s, found[-1].end_s)
    assert min(here) > min(elsewhere) + 0.5


def test_points_are_for_the_sounds_and_bounded(look: Look, speech: Path) -> None:
    pcm, end_s = said_in(speech / "hey-kitchen-rms.wav")
    points = look.points(pcm, ("hey", "kitchen"), 0.3, end_s)
    assert points == pytest.approx(points_for(look.sounds(pcm, ("hey", "kitchen"), 0.3, end_s)))
    assert 0 < points <= MOST_POINTS


def test_a_sound_that_is_missing_costs_more_than_that_all_are_as_unlikely_together() -> None:
    assert points_for([-1.0, -1.0, -1.0, -5.0]) < points_for([-2.0] * 4) < points_for([-1.0] * 4) < MOST_POINTS
    assert points_for([]) == 0


@pytest.mark.parametrize(
    ("words", "start_s", "end_s"),
    [(("hey", "qwrtzp"), 0.3, 1.0), (("hey", "kitchen"), 5.0, 6.0), (("hey", "kitchen"), 0.5, 0.1)],
    ids=["unknown word", "after the end", "backwards"],
)
def test_where_nothing_can_be_seen_nothing_is_added(
    look: Look, speech: Path, words: tuple[str, ...], start_s: float, end_s: float
) -> None:
    pcm, _ = said_in(speech / "hey-kitchen-rms.wav")
    assert look.sounds(pcm, words, start_s, end_s) == ()
    assert look.points(pcm, words, start_s, end_s) == 0


def test_hardly_any_audio_is_no_error(look: Look) -> None:
    for length in (0, 2, 799, 800, 802, 3200):
        assert all(-16 < each <= 0 for each in look.sounds(bytes(length // 2 * 2), ("hey", "kitchen"), 0.0, 0.1))


def test_several_threads_see_the_same(look: Look, speech: Path) -> None:
    pcm, end_s = said_in(speech / "hey-kitchen-rms.wav")
    expected = look.sounds(pcm, ("hey", "kitchen"), 0.3, end_s)
    seen: list[tuple[float, ...]] = []
    threads = [
        threading.Thread(
            target=lambda: seen.extend(look.sounds(pcm, ("hey", "kitchen"), 0.3, end_s) for _ in range(8))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [expected] * 32


def test_it_starts_no_threads(look: Look, speech: Path) -> None:
    tasks = Path("/proc/self/task")
    if not tasks.is_dir():
        pytest.skip("this system does not list the threads of a process")
    before = len(list(tasks.iterdir()))
    pcm, end_s = said_in(speech / "hey-kitchen-rms.wav")
    look.sounds(pcm, ("hey", "kitchen"), 0.3, end_s)
    assert len(list(tasks.iterdir())) <= before


def test_a_model_is_read_once(speech_model: SpeechModel) -> None:
    assert look_of(speech_model) is look_of(speech_model)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("graph/lexicon.txt", None, None),
        ("conf/mfcc.conf", "--num-ceps=40", "--num-ceps=39"),
        ("conf/mfcc.conf", "--high-freq=-400", "--high-freq=-200"),
        ("conf/model.conf", "factor=3", "factor=1"),
    ],
    ids=["no lexicon", "fewer cepstra", "other bands", "every frame"],
)
def test_another_model_is_heard_without_it_and_that_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, file: str, old: str | None, new: str | None
) -> None:
    model = tmp_path / "model"
    shutil.copytree(packaged_models()["zh"], model)
    loaded = SpeechModel(model)
    if old is None or new is None:
        (model / file).unlink()
    else:
        text = (model / file).read_text("utf-8")
        assert old in text
        (model / file).write_text(text.replace(old, new), "utf-8")
    with caplog.at_level(logging.INFO):
        assert look_of(loaded) is None
        assert look_of(loaded) is None
    assert [record.levelname for record in caplog.records] == ["INFO"]


def test_a_lexicon_that_is_gone_later_is_said_and_nothing_is_added(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, speech: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(packaged_models()["zh"], model)
    look = look_of(SpeechModel(model))
    assert look is not None
    (model / "graph" / "lexicon.txt").unlink()
    with caplog.at_level(logging.WARNING):
        assert look.points(read_wav(speech / "stop-rms.wav"), ("你好",), 0.3, 0.8) == 0
    assert "lexicon.txt" in caplog.text
