"""A decision as JSON: what `explain`, the debug page and a curious resident read (pure). Never leaves the device."""

from typing import Any, assert_never

from edge_agent.model.decision import Decision, NoFill, Refusal, Rejection, Selected
from edge_agent.model.moment import Moment, Slot


def decision_document(decision: Decision) -> dict[str, Any]:
    """Return the decision with every rejection, ready for `json.dumps`. Times are ISO 8601 in UTC."""
    head = {"id": decision.id, "at": decision.at.isoformat(), "moment": _moment(decision.moment)}
    match decision.outcome:
        case Refusal(rule=rule, detail=detail):
            return {**head, "outcome": "refused", "rule": rule.value, "detail": detail}
        case NoFill(slot=slot, rejections=rejections):
            return {**head, "outcome": "no_fill", "slot": _slot(slot), "rejections": _rejections(rejections)}
        case Selected(slot=slot, candidate=candidate, rejections=rejections):
            chosen = {
                "crid": candidate.creative.crid,
                "line_item": candidate.line_item.id,
                "campaign": candidate.campaign.id,
                "campaign_name": candidate.campaign.name,
                "advertiser": candidate.campaign.advertiser,
                "adomain": list(candidate.campaign.adomain),
                "transcript": candidate.creative.transcript,
            }
            return {
                **head,
                "outcome": "selected",
                "slot": _slot(slot),
                "chosen": chosen,
                "rejections": _rejections(rejections),
            }
        case _ as never:
            assert_never(never)


def _moment(moment: Moment) -> dict[str, Any]:
    return {
        "kind": moment.kind.value,
        "topic": moment.topic,
        "at": moment.at.isoformat(),
        "attributes": dict(moment.attributes),
    }


def _slot(slot: Slot) -> dict[str, Any]:
    return {
        "id": slot.id,
        "format": slot.format.value,
        "max_dur": slot.max_dur.total_seconds(),
        "w": slot.w,
        "h": slot.h,
        "lang": slot.lang,
        "inline": slot.inline,
    }


def _rejections(rejections: tuple[Rejection, ...]) -> list[dict[str, str]]:
    return [
        {
            "crid": one.crid,
            "line_item": one.line_item,
            "campaign": one.campaign,
            "rule": one.rule.value,
            "detail": one.detail,
        }
        for one in rejections
    ]
