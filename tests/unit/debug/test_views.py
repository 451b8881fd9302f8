"""From the vocabulary's types to JSON: every refusal comes out as a rule and a sentence."""

from datetime import timedelta

import pytest

from edge_agent.debug.views import decision_view, pack_view
from edge_agent.model.catalog import Catalog
from edge_agent.model.decision import Decision, EligibilityRule, NoFill, PermissionRule, Refusal, Rejection, Selected
from edge_agent.model.formats import Format
from edge_agent.model.identity import DecisionId
from edge_agent.model.moment import Moment, MomentKind, Slot
from tests.sentences import said
from tests.small_agent import MORNING

MOMENT = Moment(MomentKind.POWER_ON, MORNING, "sofa")
SLOT = Slot("s", Format.BOOT_SCREEN, MOMENT, MORNING, timedelta(seconds=8), ("image/png",))


def rejection(rule: EligibilityRule) -> Rejection:
    return Rejection(f"crid-{rule}", "line", "campaign", rule, said(f"It failed {rule}."))


def decided(outcome: Selected | NoFill | Refusal) -> Decision:
    return Decision(DecisionId("d1"), MORNING, MOMENT, outcome)


def test_a_refusal_keeps_its_rule_and_sentence() -> None:
    view = decision_view(decided(Refusal(MOMENT, PermissionRule.QUIET_HOURS, said("It is quiet until seven."))))
    assert (view["outcome"], view["rule"], view["detail"]) == ("refused", "quiet_hours", "It is quiet until seven.")
    assert view["moment"] == {"kind": "power_on", "topic": "sofa", "at": MORNING.isoformat()}
    assert view["chosen"] is None


@pytest.mark.parametrize("order", [1, -1])
def test_an_empty_slot_is_explained_by_the_candidate_that_got_furthest(order: int) -> None:
    rules = [EligibilityRule.PACK_INCOMPLETE, EligibilityRule.FREQUENCY_CAP, EligibilityRule.OUTSIDE_FLIGHT][::order]
    view = decision_view(decided(NoFill(SLOT, tuple(rejection(rule) for rule in rules))))
    assert (view["outcome"], view["rule"]) == ("no_fill", "frequency_cap")
    assert [each["rule"] for each in view["rejections"]] == [rule.value for rule in rules]


def test_an_empty_shelf_is_a_reason_too() -> None:
    view = decision_view(decided(NoFill(SLOT, ())))
    assert view["rule"] == "no_candidates"
    assert view["detail"]


def test_what_was_chosen_is_named_with_why_the_others_were_not(catalog: Catalog) -> None:
    candidate = catalog.candidates(Format.BOOT_SCREEN)[0]
    view = decision_view(decided(Selected(SLOT, candidate, (rejection(EligibilityRule.OUTRANKED),))))
    assert view["rule"] is None
    assert view["chosen"] is not None
    assert view["chosen"]["campaign_name"] == "Harbour Films"
    assert view["rejections"][0]["rule"] == "outranked"


def test_a_pack_tells_what_is_here(catalog: Catalog) -> None:
    view = pack_view(catalog.packs[0])
    assert (view["complete"], view["assets"], view["assets_present"]) == (True, 2, 2)
    assert view["formats"] == ["boot_screen", "voice_dialogue"]
    assert view["size_bytes"] == sum(path.stat().st_size for path in catalog.packs[0].paths.values())
