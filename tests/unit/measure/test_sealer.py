"""Sealed reports: equal length, one key, no tampering, nothing inside but the report."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.fleet.reports.key_pair import OpeningKey, new_report_key, read_private_key
from edge_agent.measure.report_key import Kem, ReportKey, read_report_key
from edge_agent.measure.sealer import CONTEXT, PLAIN_BYTES, open_sealed, seal, sealed_bytes, suite
from edge_agent.model.errors import FormatError, UntrustedError
from edge_agent.model.report import ImpressionReport, Reached


def pair(kem: Kem) -> tuple[ReportKey, OpeningKey]:
    public, private = new_report_key(kem)
    return read_report_key(public), read_private_key(private)


KEYS = {kem: pair(kem) for kem in Kem}
SHORT = ImpressionReport(day=date(2026, 1, 1), campaign="c", crid="x", epsilon=1, answer=Reached.NOTHING)
LONG = ImpressionReport(
    day=date(9999, 12, 31),
    campaign="c" * 64,
    crid="x" * 64,
    epsilon=1.2345678901234567e-300,
    answer=Reached.FOLLOWED_UP,
)


@pytest.mark.parametrize("kem", Kem)
def test_opens_what_was_sealed(kem: Kem) -> None:
    key, private = KEYS[kem]
    assert open_sealed(seal(LONG, key), private.kem, private.key) == LONG


@pytest.mark.parametrize("kem", Kem)
def test_the_shortest_and_the_longest_report_are_equally_long(kem: Kem) -> None:
    key, _ = KEYS[kem]
    assert len(seal(SHORT, key)) == len(seal(LONG, key)) == sealed_bytes(kem)


identifiers = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True)


@given(
    day=st.dates(),
    campaign=identifiers,
    crid=identifiers,
    epsilon=st.floats(min_value=0, max_value=16, exclude_min=True),
    answer=st.sampled_from(Reached),
)
@settings(max_examples=60, deadline=None)
def test_every_report_has_the_same_length_and_survives(
    day: date, campaign: str, crid: str, epsilon: float, answer: Reached
) -> None:
    report = ImpressionReport(day=day, campaign=campaign, crid=crid, epsilon=epsilon, answer=answer)
    key, private = KEYS[Kem.CLASSIC]
    sealed = seal(report, key)
    assert len(sealed) == sealed_bytes(Kem.CLASSIC)
    assert open_sealed(sealed, private.kem, private.key) == report


def test_the_same_report_never_looks_the_same_twice() -> None:
    key, _ = KEYS[Kem.HYBRID]
    assert seal(SHORT, key) != seal(SHORT, key)


@pytest.mark.parametrize("kem", Kem)
def test_one_flipped_bit_anywhere_is_refused(kem: Kem) -> None:
    key, private = KEYS[kem]
    sealed = seal(SHORT, key)
    # A prime step touches every part (KEM ciphertext, X25519 share, text, tag) without a thousand decryptions.
    for position in {*range(0, len(sealed), 37), len(sealed) - 1}:
        altered = bytearray(sealed)
        altered[position] ^= 1
        with pytest.raises(UntrustedError):
            open_sealed(bytes(altered), private.kem, private.key)


@pytest.mark.parametrize("kem", Kem)
def test_another_fleets_key_does_not_open_it(kem: Kem) -> None:
    _, other = pair(kem)
    with pytest.raises(UntrustedError):
        open_sealed(seal(SHORT, KEYS[kem][0]), other.kem, other.key)


@pytest.mark.parametrize("length", [0, 1, sealed_bytes(Kem.HYBRID) - 1, sealed_bytes(Kem.HYBRID) + 1, 100_000])
def test_a_wrong_length_is_refused_before_any_key_is_used(length: int) -> None:
    _, private = KEYS[Kem.HYBRID]
    with pytest.raises(FormatError, match="length"):
        open_sealed(b"\x00" * length, private.kem, private.key)


@pytest.mark.parametrize(
    "plain",
    [
        b"hello",
        b'{"v":1}',
        SHORT.model_dump_json().encode()[:-1] + b',"device":"kitchen"}',
        SHORT.model_dump_json().replace("2026-01-01", "2026-01-01T10:00:00").encode(),
    ],
)
def test_well_sealed_nonsense_is_refused(plain: bytes) -> None:
    key, private = KEYS[Kem.HYBRID]
    sealed = suite(key.kem).encrypt(plain.ljust(PLAIN_BYTES), key.public(), CONTEXT)
    with pytest.raises(FormatError, match="no report"):
        open_sealed(sealed, private.kem, private.key)


def test_a_message_sealed_for_another_use_is_refused() -> None:
    key, private = KEYS[Kem.HYBRID]
    sealed = suite(key.kem).encrypt(SHORT.model_dump_json().encode().ljust(PLAIN_BYTES), key.public(), b"other")
    with pytest.raises(UntrustedError):
        open_sealed(sealed, private.kem, private.key)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{}",
        b'{"v":1,"kem":"X25519","public_key":"AAAA"}',
        b'{"v":1,"kem":"X25519","public_key":"not base64!"}',
        b'{"v":1,"kem":"RSA","public_key":"AAAA"}',
        b'{"v":1,"kem":"MLKEM768-X25519","public_key":"AAAA"}',
        b'{"v":2,"kem":"X25519","public_key":"' + b"A" * 43 + b'="}',
    ],
)
def test_an_unusable_report_key_is_refused(document: bytes) -> None:
    with pytest.raises(FormatError):
        read_report_key(document)


def test_a_damaged_private_key_never_shows_itself() -> None:
    _, private = new_report_key()
    secret = private[-40:-2].decode()
    with pytest.raises(FormatError) as caught:
        read_private_key(private + b"x")
    assert secret not in f"{caught.value!r}{caught.value.__cause__!r}"
    assert caught.value.__suppress_context__
