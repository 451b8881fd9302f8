"""`POST /v1/slots`: a placement for device software that renders by itself, within 50 ms or not at all."""

import asyncio
from html import escape
from typing import Any, Final
from uuid import uuid4

from aiohttp import web

from edge_agent.debug.acting import keep_pace, read
from edge_agent.debug.bodies import SlotBody
from edge_agent.debug.keys import AGENT
from edge_agent.debug.port import AgentPort
from edge_agent.debug.said import SaidView, said_view
from edge_agent.debug.views import decision_view
from edge_agent.model.effects import AnswerSlot
from edge_agent.model.events import PlayProgressed, SlotRequested
from edge_agent.model.moment import Moment
from edge_agent.model.play import Play, PlayEvent, PlayEventKind
from edge_agent.model.wording import Wording

ANSWER_WITHIN_S: Final = 0.05

_TOO_LATE: Final = Wording("too_late", "No decision was made within {within_ms} ms.")

_SSML: Final = '<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="{lang}">{text}</speak>'


async def post_slot(request: web.Request) -> web.Response:
    """Answer with a creative and a play id, or with why there is none.

    Always 200: a NoFill is a good answer. Events of the play go to `/v1/plays/{play_id}/events`.
    """
    agent = request.app[AGENT]
    body = await read(request, SlotBody)
    keep_pace(request)
    moment = Moment(body.kind, agent.now(), body.topic, body.attributes)
    asked = SlotRequested(uuid4().hex, moment, body.format, body.max_dur_s)
    answering = asyncio.ensure_future(agent.request_slot(asked))
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            answer = await asyncio.shield(answering)
    except TimeoutError:
        answering.add_done_callback(lambda late: _give_up(agent, late))
        late = _TOO_LATE(within_ms=round(ANSWER_WITHIN_S * 1000))
        return web.json_response(_empty("no_fill", "too_late", str(late), said_view(late)))
    return web.json_response(answer_view(answer))


def answer_view(answer: AnswerSlot) -> dict[str, Any]:
    """Return the JSON of an answer; `rule`, `play_id` and `creative` may be null."""
    decision = decision_view(answer.decision)
    if answer.play is None:
        return _empty(decision["outcome"], decision["rule"], decision["detail"], decision["said"])
    return {
        "outcome": "selected",
        "rule": None,
        "detail": decision["detail"],
        "said": decision["said"],
        "play_id": answer.play.id,
        "creative": _creative(answer.play),
    }


def _creative(play: Play) -> dict[str, Any]:
    creative, asset, name = play.candidate.creative, play.candidate.asset, play.candidate.creative.asset
    path = None if name is None else play.paths.get(name)
    return {
        "crid": creative.crid,
        "campaign": play.candidate.campaign.id,
        "advertiser": play.candidate.campaign.advertiser,
        "adomain": list(play.candidate.campaign.adomain),
        "format": creative.format.value,
        "lang": creative.lang,
        "dur_s": creative.dur.total_seconds(),
        "text": creative.transcript,
        "link": creative.link,
        "ssml": _SSML.format(lang=creative.lang, text=escape(creative.transcript))
        if creative.format.is_spoken
        else None,
        "asset": None
        if asset is None or path is None
        else {"path": str(path), "mime": asset.mime, "w": asset.w, "h": asset.h, "dur_s": asset.dur.total_seconds()},
    }


def _empty(outcome: str, rule: str | None, detail: str, said: SaidView) -> dict[str, Any]:
    return {"outcome": outcome, "rule": rule, "detail": detail, "said": said, "play_id": None, "creative": None}


def _give_up(agent: AgentPort, late: "asyncio.Future[AnswerSlot]") -> None:
    """End a play that nobody was told of, so that it is not held to be playing."""
    if late.cancelled() or late.exception() is not None:
        return
    play = late.result().play
    if play is not None:
        failed = PlayEvent(play.id, PlayEventKind.ERROR, agent.now(), 0, "The answer came too late for the device.")
        agent.inject(PlayProgressed(failed))
