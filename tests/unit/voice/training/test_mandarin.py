"""Mandarin in the recipe: every word has a reading, every reading phones, and the synthesiser says the same ones."""

from __future__ import annotations

import ctypes.util
from itertools import groupby
from pathlib import Path
from random import Random

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra `train` (torch) is not installed")

from edge_agent.voice.dialogue import SPOKEN
from edge_agent.voice.grammar import Vocabulary, spell_phrase
from edge_agent.voice.training import train_model
from edge_agent.voice.training.checkpoint import carried_over, checkpoint_of
from edge_agent.voice.training.errors import NoNetworkError, UnknownPhoneError
from edge_agent.voice.training.languages import LANGUAGES
from edge_agent.voice.training.mandarin import (
    HELD_OUT_SPEAKERS,
    TRAINING_SPEAKERS,
    homophones,
    in_mandarin_phones,
    make_mandarin_lexicon,
    readings,
    speak_mandarin,
)
from edge_agent.voice.training.mandarin_phones import LIKE_ENGLISH, MANDARIN, OF_ENGLISH, pinyin_phones, syllables
from edge_agent.voice.training.network import Tdnn
from edge_agent.voice.training.phones import ENGLISH, SILENCE, Segment, espeak_segments
from edge_agent.voice.training.synthesis import SPEAKERS
from edge_agent.voice.training.texts import Texts, load_texts
from edge_agent.voice.training.utterance import Utterance, load_shard, save_shard

needs_espeak = pytest.mark.skipif(ctypes.util.find_library("espeak-ng") is None, reason="espeak-ng is not installed")


@pytest.fixture(scope="module")
def texts() -> Texts:
    return load_texts("zh")


@pytest.mark.parametrize(
    ("pinyin", "phones"),
    [
        ("zhuang4", "zh u a ng"),
        ("xue2sheng5", "x v eh sh e ng"),
        ("shi4si4", "sh ir s iz"),
        ("yuan2", "v eh n"),
        ("wei4yan2", "u ei i eh n"),
        ("lv4", "l v"),
        ("nü3er2", "n v er"),
        ("jun1", "j v n"),
    ],
    ids=["uang", "ue and eng", "both buzzed i", "yuan", "wei and yan", "v", "ü and er", "ju is jü"],
)
def test_pinyin_is_spelt_out_by_its_sounds(pinyin: str, phones: str) -> None:
    assert pinyin_phones(pinyin) == (tuple(phones.split()),)


@pytest.mark.parametrize("odd", ["", "zhuang", "zh4", "kitchen", "ka5x", "bu4 bu4", "quo1"])
def test_what_is_no_pinyin_is_refused(odd: str) -> None:
    with pytest.raises(UnknownPhoneError):
        pinyin_phones(odd)


def test_every_word_has_a_reading_and_every_reading_phones(texts: Texts) -> None:
    assert [word for word in texts.vocabulary if word not in readings() and word not in texts.foreign] == []
    phones = {phone for said in readings().values() for one in said for way in pinyin_phones(one) for phone in way}
    assert phones == set(MANDARIN.speech)
    assert all(len(syllables(said[0])) == len(word) for word, said in readings().items())


def test_a_word_is_said_as_people_say_it_where_its_characters_alone_are_said_otherwise() -> None:
    assert readings()["银行"] == ("yin2hang2",)
    assert readings()["音乐"] == ("yin1yue4",)
    assert readings()["睡觉"] == ("shui4jiao4",)


def test_commands_in_both_languages_and_phrases_of_any_characters_can_be_put_into_a_grammar(texts: Texts) -> None:
    vocabulary = Vocabulary.of(texts.vocabulary)
    for language in ("zh", "en"):
        for phrases in SPOKEN[language].values():
            for phrase in phrases:
                assert spell_phrase(phrase, vocabulary)
    assert spell_phrase("告诉我更多", vocabulary) == ("告诉", "我", "更多")
    assert len(spell_phrase("紫禁城脆皮豆", vocabulary)) == 6
    assert spell_phrase("hey kitchen", vocabulary) == ("hey", "kitchen")


def test_measured_words_are_never_taught(texts: Texts) -> None:
    draw = Random(1)
    said = {word for _ in range(20_000) for word in texts.draw(draw).split()}
    assert said & set(texts.unspoken) == set()
    assert len(said & set(texts.common)) > 3700  # the list is in no order, so its end is taught like its beginning


def test_voices_that_are_measured_with_are_not_trained_with() -> None:
    assert set(HELD_OUT_SPEAKERS) <= set(SPEAKERS)
    assert set(TRAINING_SPEAKERS) | set(HELD_OUT_SPEAKERS) == set(SPEAKERS)
    assert not set(TRAINING_SPEAKERS) & set(HELD_OUT_SPEAKERS)


def test_english_has_a_place_among_the_phones_and_keeps_its_times() -> None:
    assert set(OF_ENGLISH) == set(ENGLISH.speech)
    assert {phone for own in OF_ENGLISH.values() for phone in own} <= set(MANDARIN.speech)
    english = Utterance(
        samples=np.zeros(16000, np.int16),
        segments=(Segment(SILENCE, 0.2), Segment("oy", 0.4), Segment("z", 0.4)),
        voice="test",
    )
    assert in_mandarin_phones(english).segments == (
        Segment(SILENCE, 0.2),
        Segment("o", 0.2),
        Segment("i", 0.2),
        Segment("s", 0.4),
    )


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_network_names_silence_and_each_phone_of_its_language(language: str) -> None:
    pdfs = LANGUAGES[language].phones.pdfs
    assert pdfs[0] == SILENCE
    assert len(set(pdfs)) == len(pdfs)
    assert Tdnn(pdfs=len(pdfs), hidden=8).output.out_features == len(pdfs)


@needs_espeak
def test_espeak_says_every_syllable_with_the_phones_that_its_pinyin_is_spelt_with() -> None:
    from edge_agent.voice.training.espeak import espeak  # noqa: PLC0415  loads the library

    every = sorted({syllable for said in readings().values() for one in said for syllable in syllables(one)})
    assert len(every) > 390
    differing = []
    for syllable in every:
        _, symbols = espeak().speak(
            f"{syllable}1", voice="cmn-latn-pinyin", words_per_minute=150, pitch=50, range_=50, gap=0
        )
        segments = espeak_segments(symbols, text=syllable, phones=MANDARIN)
        said = tuple(phone for phone, _ in groupby(each.phone for each in segments) if phone != SILENCE)
        if said not in pinyin_phones(f"{syllable}1"):
            differing.append(syllable)
    assert differing == ["qiong"]  # said as qung


@needs_espeak
def test_speech_is_said_with_its_times_and_comes_back_from_a_shard(texts: Texts, tmp_path: Path) -> None:
    draw = Random(4)
    spoken = list(speak_mandarin([texts.draw(draw) for _ in range(12)], draw))
    assert len(spoken) == 12
    for utterance in spoken:
        assert sum(each.duration_s for each in utterance.segments) == pytest.approx(utterance.duration_s, abs=0.02)
        assert {each.phone for each in utterance.segments} <= set(MANDARIN.pdfs)
        assert utterance.voice.partition("+")[2] in TRAINING_SPEAKERS
    save_shard(tmp_path / "shard.npz", spoken)
    back = list(load_shard(tmp_path / "shard.npz"))
    assert [[each.phone for each in one.segments] for one in back] == [
        [each.phone for each in one.segments] for one in spoken
    ]


@needs_espeak
def test_both_languages_are_pronounced_with_one_set_of_phones(tmp_path: Path) -> None:
    cmudict = tmp_path / "cmudict.out"
    cmudict.write_text('MNCL\n("stop" nil (((s t aa p) 1)))\n')
    lexicon = make_mandarin_lexicon(["停止", "行", "stop"], cmudict)
    assert lexicon["停止"] == (("t", "i", "ng", "zh", "ir"),)
    assert lexicon["行"] == (("x", "i", "ng"), ("h", "a", "ng"))
    assert lexicon["stop"] == (("s", "t", "a", "p"),)


def test_a_network_that_goes_on_from_english_begins_with_the_nearest_sounds() -> None:
    assert set(LIKE_ENGLISH) == set(MANDARIN.speech)
    english = checkpoint_of(Tdnn(hidden=8), 100)
    start = carried_over(english, theirs=ENGLISH.pdfs, ours=MANDARIN.pdfs, like=LIKE_ENGLISH)
    network = Tdnn(pdfs=len(MANDARIN.pdfs), hidden=8)
    network.load_state_dict(start.state)
    assert start.steps == 100
    before = dict(zip(ENGLISH.pdfs, english.state["output.weight"].tolist(), strict=True))
    after = dict(zip(MANDARIN.pdfs, network.output.weight.tolist(), strict=True))
    assert after[SILENCE] == before[SILENCE]
    assert after["m"] == before["m"]
    assert after["q"] == before["ch"]
    assert after["v"] == pytest.approx([sum(pair) / 2 for pair in zip(before["iy"], before["uw"], strict=True)])


def test_a_start_that_is_not_there_is_named_before_anything_is_done(tmp_path: Path) -> None:
    missing = tmp_path / "network.pt"
    with pytest.raises(NoNetworkError, match=r"network\.pt"):
        train_model(tmp_path / "out", work=tmp_path, language="zh", start=missing, report=lambda _: None)
    assert not (tmp_path / "out").exists()


def test_words_that_differ_in_tones_alone_sound_alike() -> None:
    alike = homophones({"买"})
    assert {"买", "卖"} <= alike
    assert "妈" not in alike
    assert homophones({"no such word"}) == set()
