"""Vosk's official small models are heard with by the same code as ours.

They are downloads of 40 MB and not part of the project. Put unpacked ones into a folder and name it in
EDGE_AGENT_OFFICIAL_MODELS to run all of this; what of their form ours can take on is tested without them.
"""

import json
import os
import shutil
from pathlib import Path

import pytest

from edge_agent.voice.dialogue import SPOKEN
from edge_agent.voice.grammar import UNKNOWN, Vocabulary, build_grammar, spell_phrase
from edge_agent.voice.installing import OFFICIAL
from edge_agent.voice.libvosk import RATE, Decoder
from edge_agent.voice.models import Model, check_model
from edge_agent.voice.spotting import spot_audio
from edge_agent.voice.wav import read_wav

FOLDER = os.environ.get("EDGE_AGENT_OFFICIAL_MODELS", "")
LANGUAGE = {"vosk-model-small-en-us-0.15": "en", "vosk-model-small-cn-0.22": "zh"}
PHRASES = ["hey kitchen", "tell me more", "stop"]


@pytest.fixture(params=sorted(OFFICIAL))
def official(request: pytest.FixtureRequest) -> Model:
    name: str = request.param
    if not FOLDER:
        pytest.skip(f"{name}: EDGE_AGENT_OFFICIAL_MODELS names no folder")
    if not (Path(FOLDER) / name).is_dir():
        pytest.skip(f"{name} is not in {FOLDER}")
    return check_model(Path(FOLDER) / name)


def test_an_official_model_is_told_what_to_listen_for(official: Model, speech: Path) -> None:
    lang = LANGUAGE[official.name]
    phrases = [phrase for said in SPOKEN[lang].values() for phrase in said]
    vocabulary, loaded = official.vocabulary(), official.load()
    grammar = build_grammar(phrases, vocabulary)
    assert len(grammar.phrases) == len(set(phrases))
    assert spot_audio(bytes(RATE * 2 * 3), phrases, loaded, vocabulary) == []
    decoder = Decoder(loaded, grammar.for_vosk)
    for path in sorted(speech.glob("*.wav") if lang == "en" else (speech / "zh").glob("*.wav")):
        decoder.accept(read_wav(path))
    allowed = {word for words in grammar.phrases for word in words} | {UNKNOWN}
    assert {word.text for word in decoder.finish()} <= allowed


def test_an_official_english_model_hears_a_clear_voice(official: Model, speech: Path) -> None:
    if LANGUAGE[official.name] != "en":
        pytest.skip("the clear voices here speak English")
    heard = spot_audio(read_wav(speech / "tell-me-more-rms.wav"), PHRASES, official.load(), official.vocabulary())
    assert [each.phrase for each in heard] == ["tell me more"]


# --- their form, put on by the packaged model -------------------------------------------------------------------


@pytest.fixture
def copied(model: Model, tmp_path: Path) -> Path:
    """A copy of the packaged model that may be changed."""
    return Path(shutil.copytree(model.directory, tmp_path / "copied"))


def hears(directory: Path, speech: Path) -> list[str]:
    found = check_model(directory)
    audio = read_wav(speech / "tell-me-more-rms.wav")
    return [each.phrase for each in spot_audio(audio, PHRASES, found.load(), found.vocabulary())]


def test_features_may_be_asked_for_in_another_order_with_comments_and_for_any_rate(
    copied: Path, speech: Path
) -> None:
    (copied / "conf" / "mfcc.conf").write_text(
        "# as the official models have it\n--use-energy=false   # no energy\n--sample-frequency=16000\n"
        "--num-mel-bins=40\n--num-ceps=40\n--low-freq=20\n--high-freq=7600\n--allow-downsample=true\n--dither=0\n"
    )
    assert hears(copied, speech) == ["tell me more"]


def test_a_folder_for_i_vectors_without_an_extractor_is_passed_over(copied: Path, speech: Path) -> None:
    (copied / "ivector").mkdir()
    (copied / "ivector" / "splice.conf").write_text("--left-context=3\n--right-context=3\n")
    (copied / "ivector" / "online_cmvn.conf").write_text("# configuration file for apply-cmvn-online\n")
    assert hears(copied, speech) == ["tell me more"]


def test_the_older_layout_takes_phrases_at_run_time_too(model: Model, tmp_path: Path, speech: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for name in ("am/final.mdl", "conf/mfcc.conf", "graph/phones/word_boundary.int"):
        shutil.copy(model.directory / name, old)
    for name in ("HCLr.fst", "Gr.fst", "words.txt", "disambig_tid.int", "phones.txt"):
        shutil.copy(model.directory / "graph" / name, old)
    found = check_model(old)
    assert found.words_file == old / "words.txt"
    # The settings of the search are not read in this layout, so what it hears is another question.
    decoder = Decoder(found.load(), build_grammar(PHRASES, found.vocabulary()).for_vosk)
    decoder.accept(read_wav(speech / "tell-me-more-rms.wav"))
    assert {word.text for word in decoder.finish()} <= {*" ".join(PHRASES).split(), UNKNOWN}


def test_words_in_chinese_are_read_and_phrases_are_spelt_with_the_longest_of_them() -> None:
    words = (
        "<eps>",
        "!SIL",
        "[FIL]",
        *["不", "感", "兴趣", "感兴趣", "告诉", "我", "更", "多", "更多", "stop"],
        "#0",
        "<s>",
    )
    vocabulary = Vocabulary.parse("".join(f"{word} {number}\n" for number, word in enumerate(words)))
    assert spell_phrase("不感兴趣", vocabulary) == ("不", "感兴趣")
    assert spell_phrase("告诉我更多。", vocabulary) == ("告诉", "我", "更多")
    assert spell_phrase("Stop", vocabulary) == ("stop",)
    assert "!sil" not in vocabulary.words
    grammar = json.loads(build_grammar(["不感兴趣"], vocabulary).for_vosk)
    assert grammar == ["不 感兴趣", UNKNOWN]
