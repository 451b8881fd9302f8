"""Tables and examples that a document repeats from the code have what the code has, in its order where it counts."""

import json
import re
import tomllib
from pathlib import Path
from typing import Final, get_args

from edge_agent.decide.decision import RULES as ELIGIBILITY
from edge_agent.link.reported_state import ReportedState
from edge_agent.model.decision import EligibilityRule
from edge_agent.model.device import Microphone
from edge_agent.model.formats import Format
from edge_agent.model.moment import MomentKind
from edge_agent.model.play import PlayEventKind
from edge_agent.model.report import ImpressionReport
from edge_agent.moments.permission import RULES as PERMISSION
from edge_agent.render.hook_request import Verb, encode_request
from tests.documents import DOCS, ROOT, blocks, first_cells, shape
from tests.rendering import make_play

HOOKS: Final = (DOCS / "hooks.md").read_text("utf-8")


def test_the_rules_stand_in_their_order() -> None:
    text = (DOCS / "decisions.md").read_text("utf-8")
    assert first_cells(text, "## May anything be placed now?") == [rule.value for rule, _ in PERMISSION]
    eligibility = [*(rule for rule, _ in ELIGIBILITY), EligibilityRule.OUTRANKED]
    assert first_cells(text, "## What fills the slot?") == [rule.value for rule in eligibility]


def test_a_hooks_request_has_the_fields_of_the_example(tmp_path: Path) -> None:
    asset = tmp_path / "poster.png"
    asset.write_bytes(b"a picture")
    request = json.loads(blocks(DOCS / "hooks.md", "json")[0])
    sent = json.loads(encode_request("show", make_play(asset), asset))
    request["assets"], sent["assets"] = {}, {}
    assert shape(request) == shape(sent)


def test_hooks_are_told_every_verb_event_moment_format_and_state() -> None:
    assert set(first_cells(HOOKS, "## Where hooks are named")) == set(get_args(Verb))
    assert first_cells(HOOKS, "## The events") == [kind.value for kind in PlayEventKind]
    moments = re.search(r"`kind` is one of ([a-z_,\s]+);", HOOKS)
    assert moments is not None
    assert re.split(r",\s+", moments[1]) == [kind.value for kind in MomentKind]
    table = HOOKS.partition("## Where hooks are named")[2].partition("## How a hook is run")[0]
    words = (DOCS / "README.md").read_text("utf-8").partition("## Words")[2]
    assert {fmt for fmt in Format if fmt.value not in table or fmt.value not in words} == set()
    states = re.search(r"the state is ([^.]+)\.", HOOKS)
    assert states is not None
    assert set(re.findall(r"`(\w+)`", states[1])) == {state.value for state in Microphone}


def test_a_report_is_the_documented_one() -> None:
    (example,) = re.findall(r'^(\{"v":1,"day".*\})$', (DOCS / "privacy.md").read_text("utf-8"), re.MULTILINE)
    assert ImpressionReport.model_validate_json(example).model_dump_json() == example


def test_a_devices_state_holds_what_is_told_of_it_and_no_more() -> None:
    told = {
        "online": "online",
        "version": "software version",
        "profile": "profile",
        "config": "configuration",
        "repository_version": "repository versions",
        "health": "health",
        "problems": "with what does not work",
        "microphone": "microphone state",
    }
    assert told.keys() == ReportedState.model_fields.keys() - {"v"}
    (row,) = re.findall(r"^\| `device/<id>/state` .*$", (DOCS / "privacy.md").read_text("utf-8"), re.MULTILINE)
    assert [words for words in told.values() if words not in row] == []


def test_every_dependency_of_a_device_has_its_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = (DOCS / "dependencies.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+) \|", text.partition("## Chosen")[2].partition("## Brought")[0], re.MULTILINE)
    told = {each.split()[0] for row in rows[1:] for each in row.split(", ")} - {"---"}
    assert told == {re.split(r"[<>=]", each)[0] for each in project["dependencies"]}
