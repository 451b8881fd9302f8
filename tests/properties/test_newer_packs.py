"""An agent that is older than a pack uses what it knows of it, and never fails for what it does not know."""

import hashlib
import json
from copy import deepcopy
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from edge_agent.model.errors import FormatError
from edge_agent.packs.formats.manifest import Manifest, parse_manifest
from edge_agent.packs.formats.newer import read_manifest

NAME = "packs/acme/spring.json"
LIMIT = 10**9
FLIGHT = {"start": "2026-11-01T00:00:00Z", "end": "2026-12-01T00:00:00Z"}


def asset(name: str, length: int) -> dict[str, Any]:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return {"sha256": digest, "length": length, "mime": "image/png", "chunks": [{"sha256": digest, "length": length}]}


DOCUMENT: dict[str, Any] = {
    "v": 1,
    "name": "spring",
    "version": 3,
    "campaign": {
        "id": "spring",
        "advertiser": "acme",
        "name": "Spring",
        "adomain": ["acme.example"],
        "line_items": [
            {
                "id": "mornings",
                "crids": ["poster"],
                "flight": FLIGHT,
                "targeting": {"moments": ["idle", "tap"]},
                "dayparts": [{"start": "06:00:00", "end": "11:00:00"}],
                "caps": [{"scope": "campaign", "count": 2, "per": 86400}],
            },
            {"id": "evenings", "crids": ["late"], "flight": FLIGHT, "targeting": {"moments": ["idle"]}},
        ],
        "creatives": [
            {
                "crid": "poster",
                "format": "idle_poster",
                "dur": 15,
                "asset": "poster.png",
                "transcript": "Fresh.",
                "follow_up": "more",
            },
            {
                "crid": "more",
                "format": "voice_dialogue",
                "dur": 12,
                "transcript": "Shall I?",
                "turns": [
                    {"id": "ask", "say": "ask.wav", "transcript": "Shall I?", "answers": {"yes": "bye"}},
                    {"id": "bye", "say": "bye.wav", "transcript": "Bye."},
                ],
            },
            {"crid": "late", "format": "idle_poster", "dur": 15, "asset": "late.png", "transcript": "Night."},
        ],
    },
    "assets": {name: asset(name, 70_000) for name in ("poster.png", "late.png", "ask.wav", "bye.wav")},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def objects(value: Any) -> list[dict[str, Any]]:
    """Return every object of the format in a document, in order; maps by phrase or by file name are none."""
    found = []
    if isinstance(value, list):
        return [one for item in value for one in objects(item)]
    if isinstance(value, dict):
        found.append(value)
        for key, item in value.items():
            found += [one for part in item.values() for one in objects(part)] if key == "assets" else []
            found += objects(item) if key not in {"answers", "assets"} else []
    return found


def read(document: Any) -> tuple[Manifest, tuple[str, ...]]:
    return read_manifest(json.dumps(document).encode(), NAME, LIMIT)


KNOWN, _ = read(DOCUMENT)
COUNT = len(objects(DOCUMENT))


def test_the_sample_has_every_kind_of_object_and_is_read_alike_by_both_readings() -> None:
    assert parse_manifest(json.dumps(DOCUMENT).encode(), NAME, LIMIT) == KNOWN
    assert COUNT > 12


@given(at=st.integers(0, COUNT - 1), name=st.from_regex(r"\Ax_[a-z]{1,12}\Z"), value=JSON)
def test_an_unknown_field_anywhere_is_passed_over(at: int, name: str, value: Any) -> None:
    document = deepcopy(DOCUMENT)
    objects(document)[at][name] = value
    assert read(document) == (KNOWN, ())


@given(name=st.text(min_size=1, max_size=60).filter(lambda text: text not in {"idle_poster", "voice_dialogue"}))
def test_a_creative_of_an_unknown_format_is_left_out_alone(name: str) -> None:
    document = deepcopy(DOCUMENT)
    document["campaign"]["creatives"].append(
        {"crid": "newer", "format": f"x_{name}", "dur": 5, "transcript": "Hello.", "asset": "poster.png", "depth": 7}
    )
    document["campaign"]["line_items"][0]["crids"].append("newer")
    manifest, left_out = read(document)
    assert manifest == KNOWN
    assert len(left_out) == 1
    assert left_out[0].startswith("The creative newer is left out: this agent does not know the format ")
    assert "\n" not in left_out[0]


def said(document: Any) -> tuple[Manifest | None, str]:
    """Return what was read and what was left out of it, or None and the refusal; any other exception goes through."""
    try:
        manifest, left_out = read(document)
    except FormatError as error:
        return None, error.for_person()
    return manifest, " ".join(left_out)


@given(at=st.integers(0, COUNT - 1), key=st.integers(0, 30), value=JSON)
def test_whatever_stands_in_a_field_it_is_read_or_refused_in_our_words(at: int, key: int, value: Any) -> None:
    document = deepcopy(DOCUMENT)
    place = objects(document)[at]
    place[sorted(place)[key % len(place)]] = value
    manifest, sentence = said(document)
    assert "\n" not in sentence
    assert (manifest is not None) or sentence


@given(at=st.integers(0, COUNT - 1), crit=JSON | st.lists(JSON, max_size=2))
def test_whatever_must_be_known_it_is_read_or_refused_in_our_words(at: int, crit: Any) -> None:
    document = deepcopy(DOCUMENT)
    objects(document)[at]["crit"] = crit
    manifest, sentence = said(document)
    assert sentence.isprintable()
    assert (manifest is not None) or sentence


@given(item=st.text(min_size=1), asset=st.text(min_size=1))
@example(item="a\nERROR", asset="\x1b[31m\u2028")
def test_what_is_left_out_is_told_of_on_one_line_whatever_it_is_called(item: str, asset: str) -> None:
    document = deepcopy(DOCUMENT)
    campaign = document["campaign"]
    campaign["line_items"][0]["id"], campaign["creatives"][0]["asset"] = item, asset
    document["assets"][asset] = {"crit": ["newer"]}
    _, sentence = said(document)
    assert "The creative poster is left out: its asset " in sentence
    assert sentence.isprintable()
    assert len(sentence) < 1500


@given(at=st.integers(0, COUNT - 1))
def test_a_field_that_must_be_known_costs_its_creative_line_item_or_asset_and_else_the_pack(at: int) -> None:
    document = deepcopy(DOCUMENT)
    objects(document)[at] |= {"only_when": "raining", "crit": ["only_when"]}
    manifest, sentence = said(document)
    assert manifest != KNOWN
    assert "does not know its 'only_when', and must to use it" in sentence


def test_a_pack_that_loses_everything_is_unusable_with_the_first_reason() -> None:
    document = deepcopy(DOCUMENT)
    for creative in document["campaign"]["creatives"]:
        creative["format"] = "hologram"
    manifest, sentence = said(document)
    assert manifest is None
    assert "this agent does not know the format 'hologram'. Update the agent" in sentence


def test_what_would_narrow_a_line_item_costs_it_and_what_would_widen_it_does_not() -> None:
    document = deepcopy(DOCUMENT)
    mornings, evenings = document["campaign"]["line_items"]
    mornings["targeting"]["moments"].append("doorbell")
    evenings["caps"] = [{"scope": "household", "count": 1, "per": 60}]
    manifest, sentence = said(document)
    assert manifest is not None
    assert manifest.campaign.line_items == KNOWN.campaign.line_items[:1]
    assert sentence == "The line item evenings is left out: this agent does not know the cap scope 'household'."
    mornings["targeting"]["moments"] = ["doorbell"]
    assert said(document)[0] is None
