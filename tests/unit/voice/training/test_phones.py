"""Every symbol that a synthesiser says becomes a phone, or the run ends with a sentence that names it."""

from __future__ import annotations

import ctypes.util

import pytest

from edge_agent.voice.training.errors import UnknownPhoneError
from edge_agent.voice.training.phones import (
    PDFS,
    SILENCE,
    Segment,
    espeak_phones,
    espeak_segments,
    festival_phones,
    festival_segments,
    phone_table,
    positions,
)


def test_symbols_become_one_or_two_phones_of_the_set() -> None:
    assert espeak_phones("oU", text="go") == ("ow",)
    assert espeak_phones("A@", text="car") == ("aa", "r")
    assert festival_phones("el", text="bottle") == ("ax", "l")
    assert espeak_phones("_:", text="") == festival_phones("pau", text="") == (SILENCE,)


def test_an_unknown_symbol_is_an_error_that_names_it_and_its_text() -> None:
    with pytest.raises(UnknownPhoneError, match=r"'@@' in 'oddly'"):
        espeak_phones("@@", text="oddly")
    with pytest.raises(UnknownPhoneError, match="festival says 'zz'"):
        festival_phones("zz", text="oddly")


def test_splitting_and_joining_keep_the_total_time() -> None:
    segments = espeak_segments([("_", 0.1), ("f", 0.1), ("A@", 0.2), ("r", 0.05), ("I", 0.1)], text="far in")
    assert [segment.phone for segment in segments] == [SILENCE, "f", "aa", "r", "ih"]
    assert sum(segment.duration_s for segment in segments) == pytest.approx(0.55)
    assert segments[3].duration_s == pytest.approx(0.15)


def test_festival_gives_ends_and_gets_durations() -> None:
    assert festival_segments([("pau", 0.25), ("n", 0.5), ("ow", 1.0)], text="no") == (
        Segment(SILENCE, 0.25),
        Segment("n", 0.25),
        Segment("ow", 0.5),
    )


def test_the_phone_table_numbers_from_one_and_shares_pdfs_among_positions() -> None:
    table = phone_table()
    assert [phone.id for phone in table] == list(range(1, 2 + 4 * (len(PDFS) - 1)))
    assert table[0].name == SILENCE
    assert {phone.pdf for phone in table} == set(range(len(PDFS)))
    assert [phone.name for phone in table[1:5]] == ["aa_B", "aa_E", "aa_I", "aa_S"]
    assert len({phone.pdf for phone in table[1:5]}) == 1
    assert (table[1].self_loop, table[1].forward) == (3, 4)


@pytest.mark.parametrize(("length", "expected"), [(1, "S"), (2, "BE"), (3, "BIE"), (5, "BIIIE")])
def test_positions_in_a_word(length: int, expected: str) -> None:
    assert "".join(positions(length)) == expected


@pytest.mark.skipif(ctypes.util.find_library("espeak-ng") is None, reason="espeak-ng is not installed")
def test_every_word_of_the_vocabulary_has_phones_in_every_accent() -> None:
    from edge_agent.voice.training.espeak import espeak  # noqa: PLC0415  loads the library
    from edge_agent.voice.training.synthesis import ACCENTS  # noqa: PLC0415
    from edge_agent.voice.training.texts import load_texts  # noqa: PLC0415

    words = load_texts("en").vocabulary
    for number, accent in enumerate(sorted(set(ACCENTS))):
        for word in words[number::4]:
            assert espeak().pronounce(word, voice=accent), (accent, word)
