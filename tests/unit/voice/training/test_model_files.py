"""What the recipe writes is what Vosk reads: a network made by hand decides by loudness, and Vosk agrees."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.voice.libvosk import Decoder, SpeechModel
from edge_agent.voice.training.graph import UnknownWordCosts, build_graph, print_lookahead
from edge_agent.voice.training.mfcc import CEPSTRA, CONF, mfcc
from edge_agent.voice.training.model_directory import (
    OperatingPoint,
    model_conf,
    size_bytes,
    write_network,
    write_words,
)
from edge_agent.voice.training.nnet3 import AffineLayer, Network, final_mdl
from edge_agent.voice.training.phones import phone_table
from edge_agent.voice.training.requirements import can_build_graphs

needs_openfst = pytest.mark.skipif(not can_build_graphs(), reason="libfst-tools is not installed")

PHONES = ("aa", "s")
LEXICON = {"loud": (("aa",),), "hiss": (("s",),), "both": (("s", "aa"),)}
POINT = OperatingPoint(1.0, UnknownWordCosts(word=20.0, phone=20.0))


def tone(seconds: float) -> NDArray[np.float32]:
    return (8000 * np.sin(2 * np.pi * 300 * np.arange(int(16000 * seconds)) / 16000)).astype(np.float32)


def hiss(seconds: float) -> NDArray[np.float32]:
    noise = np.random.default_rng(1).standard_normal(int(16000 * seconds) + 1)
    return (3000 * np.diff(noise)).astype(np.float32)


def silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros(int(16000 * seconds), np.float32)


def nearest_sound_network() -> Network:
    """Silence, tone or hiss: by the distance of the cepstra to those of each, over three spliced frames."""
    centres = np.stack([mfcc(sound(1.0)).mean(axis=0) for sound in (silence, tone, hiss)])
    through = AffineLayer(
        (-3, 0, 3),
        np.concatenate([np.tile(np.eye(CEPSTRA) / 3, 3), -np.tile(np.eye(CEPSTRA) / 3, 3)]).astype(np.float32),
        np.zeros(2 * CEPSTRA, np.float32),
    )
    signed = np.concatenate([centres, -centres], axis=1)  # x = relu(x) - relu(-x)
    weights, bias = 0.1 * 2 * signed, -0.1 * (centres**2).sum(axis=1)
    output = AffineLayer((0,), weights.astype(np.float32), bias.astype(np.float32))
    return Network(CEPSTRA, (through,), output, np.full(3, 1 / 3, np.float32))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SpeechModel:
    folder = tmp_path_factory.mktemp("model")
    write_network(folder, nearest_sound_network(), PHONES)
    write_words(folder, LEXICON, POINT, PHONES)
    return SpeechModel(folder)


def hear(model: SpeechModel, grammar: list[str], *sounds: NDArray[np.float32]) -> list[tuple[str, float, float]]:
    decoder = Decoder(model, json.dumps(grammar))
    decoder.accept(np.concatenate(sounds).astype("<i2").tobytes())
    return [(word.text, word.start_s, word.end_s) for word in decoder.finish()]


@needs_openfst
def test_the_ways_to_say_a_word_share_what_they_have_in_common(tmp_path: Path) -> None:
    def states(*ways: tuple[str, ...]) -> int:
        build_graph(tmp_path, {"word": ways, "other": (("s", "s"),)}, PHONES, POINT.unknown_word)
        return len({line.split()[0] for line in print_lookahead(tmp_path / "HCLr.fst").splitlines()})

    one = states(("s", "aa", "s", "aa", "s"))
    assert states(("s", "aa", "s", "aa", "s"), ("s", "s", "s", "aa", "s")) == one + 1


@needs_openfst
def test_each_way_to_say_a_word_is_heard_and_no_other_word_by_it(tmp_path: Path) -> None:
    write_network(tmp_path, nearest_sound_network(), PHONES)
    write_words(tmp_path, {"word": (("s", "aa"), ("aa", "aa")), "other": (("s", "s"), ("aa", "s"))}, POINT, PHONES)
    model, sounds = SpeechModel(tmp_path), {"s": hiss(0.4), "aa": tone(0.4)}
    for said, wanted in (("s aa", "word"), ("s s", "other"), ("aa s", "other"), ("aa", "word")):
        heard = hear(
            model, ["word", "other", "[unk]"], silence(0.5), *[sounds[each] for each in said.split()], silence(0.5)
        )
        assert [word for word, _, _ in heard] == [wanted]


@needs_openfst
def test_vosk_hears_the_words_that_the_network_was_made_for(model: SpeechModel) -> None:
    words = hear(model, ["loud", "hiss", "[unk]"], silence(0.5), tone(0.4), silence(0.5), hiss(0.4), silence(0.5))
    assert [word for word, _, _ in words] == ["loud", "hiss"]


@needs_openfst
def test_words_of_several_phones_are_found_where_they_are(model: SpeechModel) -> None:
    words = hear(model, ["both", "[unk]"], silence(0.6), hiss(0.3), tone(0.3), silence(0.6))
    assert [word for word, _, _ in words] == ["both"]
    _, start_s, end_s = words[0]
    assert start_s == pytest.approx(0.6, abs=0.1)
    assert end_s == pytest.approx(1.2, abs=0.1)


@needs_openfst
def test_silence_is_no_word(model: SpeechModel) -> None:
    assert hear(model, ["loud", "hiss", "[unk]"], silence(1.5)) == []


@needs_openfst
def test_what_is_not_in_the_grammar_is_the_unknown_word(tmp_path: Path) -> None:
    write_network(tmp_path, nearest_sound_network(), PHONES)
    write_words(tmp_path, LEXICON, OperatingPoint(1.0, UnknownWordCosts(word=0.0, phone=0.5)), PHONES)
    words = hear(SpeechModel(tmp_path), ["loud", "[unk]"], silence(0.5), hiss(0.4), silence(0.5))
    assert {word for word, _, _ in words} == {"[unk]"}
    assert (tmp_path / "graph" / "lexicon.txt").read_text().splitlines() == ["loud aa", "hiss s", "both s aa"]
    assert size_bytes(tmp_path) > 0


def read_bytes_of_matrix(raw: bytes) -> NDArray[np.float64]:
    """Read the first "CM" matrix in `raw` as Kaldi's CompressedMatrix::CharToFloat does."""
    start = raw.index(b"CM ") + 3
    least, span, rows, columns = struct.unpack_from("<ffii", raw, start)
    scales = np.frombuffer(raw, "<u2", 4 * columns, start + 16).reshape(columns, 4)
    entries = np.frombuffer(raw, "u1", rows * columns, start + 16 + 8 * columns).reshape(columns, rows)
    matrix = np.zeros((rows, columns))
    for column, (scale, of_column) in enumerate(zip(scales, entries, strict=True)):
        first, quarter, three_quarters, last = least + span * scale / 65535
        for row, entry in enumerate(of_column.astype(int)):
            if entry <= 64:
                matrix[row, column] = first + (quarter - first) * entry / 64
            elif entry <= 192:
                matrix[row, column] = quarter + (three_quarters - quarter) * (entry - 64) / 128
            else:
                matrix[row, column] = three_quarters + (last - three_quarters) * (entry - 192) / 63
    return matrix


def test_matrices_are_stored_in_a_byte_an_entry() -> None:
    weights = (np.random.default_rng(3).standard_normal((50, 6)) * [1.0, 0.1, 3.0, 0.01, 1.0, 1.0]).astype(np.float32)
    weights[:, 4] = 0.25  # a column all alike must not make Kaldi divide by nothing
    weights[:, 5] = weights.max()
    network = Network(6, (), AffineLayer((0,), weights, np.zeros(50, np.float32)), np.full(3, 1 / 3, np.float32))
    raw = final_mdl(network, phone_table(PHONES))
    read = read_bytes_of_matrix(raw)
    assert (np.abs(read - weights) <= np.ptp(weights, axis=0) / 100 + 4 * np.ptp(weights) / 65535).all()
    assert raw.index(b"<BiasParams>") - raw.index(b"CM ") == len(b"CM ") + 16 + 6 * 8 + 50 * 6


def test_the_model_starts_like_kaldi_in_binary_and_names_its_layers_once() -> None:
    raw = final_mdl(nearest_sound_network(), phone_table(PHONES))
    assert raw.startswith(b"\0B<TransitionModel> <Topology> ")
    assert raw.count(b"<ComponentName> tdnn1.affine ") == 1
    assert b"input=Append(Offset(input, -3), input, Offset(input, 3))" in raw


def test_the_settings_hold_the_operating_point_and_what_keeps_vosk_quick() -> None:
    lines = model_conf(POINT).splitlines()
    assert "--acoustic-scale=1.0" in lines
    assert "--phone-determinize=false" in lines
    assert "--frame-subsampling-factor=3" in lines
    assert "--num-mel-bins=40" in CONF.splitlines()
