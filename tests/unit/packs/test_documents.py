import json

import pytest

from edge_agent.model.errors import FormatError
from edge_agent.packs.formats.documents import MAX_DEPTH, MAX_DOCUMENT_BYTES, parse_json


def nested(levels: int) -> bytes:
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


def test_an_object_is_read() -> None:
    assert parse_json(b'{"a": [1, "\\u00e9\\ud83d\\ude00", {"b": null}]}', "It") == {
        "a": [1, "é\U0001f600", {"b": None}]
    }


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"a": 1, "a": 2}', 'the key "a" appears twice'),
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": -Infinity}', "-Infinity is not a number"),
        (b'{"a": 1e999}', "1e999 is too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b'{"a": ["\\ud83d"]}', "surrogates not allowed"),
        (b'{"\\uDE00": 1}', "surrogates not allowed"),
        (nested(MAX_DEPTH + 1), "nested deeper"),
        (b"[" * 100_000, "nested deeper"),
        (b'"' + b'\\"' * 60_000, "Unterminated string"),  # over a minute, where each quote is taken for a beginning
        (b'"\\' * 60_000, "Unterminated string"),
    ],
)
def test_what_is_no_document_is_refused_in_one_sentence(content: bytes, complaint: str) -> None:
    with pytest.raises(FormatError, match=complaint) as caught:
        parse_json(content, "It")
    assert "\n" not in caught.value.for_person()


def test_what_a_stranger_wrote_makes_neither_a_second_line_nor_a_long_one() -> None:
    key = '"\\ud800\\nERROR \\u001b[31m' + "x" * 50_000 + '"'
    with pytest.raises(FormatError) as caught:
        parse_json(f"{{{key}: 1, {key}: 2}}".encode(), "It")
    assert caught.value.for_person().startswith('It is not valid JSON: the key " ERROR  [31mxxx')
    assert len(caught.value.for_person()) < 200
    assert caught.value.for_person().encode()


def test_a_number_that_is_too_large_is_not_told_whole() -> None:
    with pytest.raises(FormatError, match=r"1{50,80} is too large") as caught:
        parse_json(b'{"a": 1e' + b"1" * 100_000 + b"}", "It")
    assert len(caught.value.for_person()) < 200


def test_the_deepest_allowed_is_read() -> None:
    assert parse_json(nested(MAX_DEPTH), "It")


def test_brackets_in_strings_are_not_depth() -> None:
    assert parse_json(json.dumps({"a": '[{"\\' * 100}).encode(), "It")


def test_size_is_judged_first() -> None:
    fitting = b'{"a":"' + b"x" * (MAX_DOCUMENT_BYTES - 8) + b'"}'
    assert parse_json(fitting, "It")
    with pytest.raises(FormatError, match=f"at most {MAX_DOCUMENT_BYTES} are read"):
        parse_json(fitting + b" ", "It")
