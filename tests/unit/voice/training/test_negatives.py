"""Talk without the phrases, and words that sound like them."""

import ctypes.util
from pathlib import Path

import pytest

pytest.importorskip("numpy")

from edge_agent.voice.training.errors import MissingToolsError
from edge_agent.voice.training.negatives import make_near_words, make_talk, near_words
from edge_agent.voice.training.people import part_of
from edge_agent.voice.training.requirements import CMUDICT, check_requirements
from edge_agent.voice.training.texts import LANGUAGES
from edge_agent.voice.wav import read_wav

pytestmark = [
    pytest.mark.slow,  # a dictionary of 100,000 words
    pytest.mark.skipif(
        ctypes.util.find_library("espeak-ng") is None or not CMUDICT.exists(),
        reason="espeak-ng or festlex-cmu is not installed",
    ),
]


def test_near_words_are_others_by_a_phone_or_two_and_never_hold_the_phrase() -> None:
    found = near_words("computer")
    assert {"commuter", "computed", "compute"} <= set(found)
    assert not {"computer", "computers", "table"} & set(found)
    assert list(found) == sorted(found)


@pytest.mark.parametrize("phrase", ["athena", "amelia"])
def test_a_name_is_not_near_to_itself_where_the_dictionary_says_it_in_another_way(phrase: str) -> None:
    assert phrase not in near_words(phrase)


def test_one_word_of_several_is_changed() -> None:
    found = near_words("stop it")
    assert "stop at" in found
    assert all(len(text.split()) == 2 and {"stop", "it"} & set(text.split()) for text in found)


def test_what_thresholds_are_set_on_measures_nothing(tmp_path: Path) -> None:
    adapt, test = (
        {path.stem for path in make_near_words(tmp_path / part, "computer", part=part, count=20, seed=1)}
        for part in ("adapt", "test")
    )
    assert adapt
    assert test
    assert not adapt & test
    assert {part_of("computer", word) for word in test} == {"test"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_talk_is_made_once_and_is_the_same_for_the_same_seed(tmp_path: Path, language: str) -> None:
    try:
        check_requirements()
    except MissingToolsError:
        pytest.skip("the synthesisers are not installed")
    said: list[str] = []

    def made(folder: str, seed: int) -> list[Path]:
        return make_talk(
            tmp_path / folder, language=language, hours=1 / 60, seed=seed, without=["stop", "是"], report=said.append
        )

    (first,), (again,), (other,) = made("a", 2), made("b", 2), made("c", 3)
    assert 20 < len(read_wav(first)) / 2 / 16_000 < 200
    assert first.read_bytes() == again.read_bytes()
    assert first.read_bytes() != other.read_bytes()
    told = len(said)
    assert made("a", 2) == [first]
    assert len(said) == told
