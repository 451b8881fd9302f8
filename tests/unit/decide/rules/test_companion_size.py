"""A companion page's code stands in the middle of the screen, whatever the screen's shape."""

from dataclasses import replace
from datetime import timedelta

import pytest

from edge_agent.decide.question import ask
from edge_agent.decide.rules import size
from edge_agent.model.catalog import Candidate
from edge_agent.model.formats import Format
from edge_agent.model.moment import Moment, MomentKind, Slot
from tests import samples
from tests.samples import NOON


@pytest.mark.parametrize(
    ("w", "h", "fits"),
    [(888, 888, True), (300, 300, True), (1080, 1080, True), (1081, 1081, False)],
    ids=["drawn", "small", "as high as the screen", "higher"],
)
def test_a_code_only_has_to_be_no_larger_than_the_screen(w: int, h: int, fits: bool) -> None:
    pack = samples.pack()
    page = pack.campaign.creative("page")
    shown = replace(pack, assets={"page.png": pack.assets["page.png"].model_copy(update={"w": w, "h": h})})
    moment = Moment(MomentKind.FOLLOW_UP, NOON)
    slot = Slot("s", Format.COMPANION_PAGE, moment, NOON, timedelta(seconds=30), ("image/png",), 1920, 1080)
    question = ask(slot, samples.surroundings(), NOON)
    sentence = size.reject(Candidate(shown, pack.campaign.line_items[0], page), question)
    assert (sentence is None) == fits
    assert fits or str(sentence) == f"It is {w} by {h}, and the place for it 1920 by 1080: too large."
