"""The POST handlers: each checks a body and gives the engine an event. Whoever may act was checked before."""

import asyncio
import math
from http import HTTPStatus
from typing import Final, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel

from edge_agent.debug.bodies import (
    ClockBody,
    EraseBody,
    MomentBody,
    PlayEventBody,
    PressBody,
    ResidentBody,
    StateBody,
)
from edge_agent.debug.keys import AGENT, DEVICES, PACE
from edge_agent.debug.port import AgentPort
from edge_agent.debug.refusals import RequestRefusedError
from edge_agent.debug.shapes import DecisionView
from edge_agent.debug.views import consent_view
from edge_agent.model.device import ResidentLimits
from edge_agent.model.events import CloseRequested, DeviceChanged, Event, MomentArose, PlayProgressed, ResidentDecided
from edge_agent.model.identity import PlayId
from edge_agent.model.moment import MOMENTS_WITHIN_S, MOST_MOMENTS, Moment, MomentKind
from edge_agent.model.play import CloseCause, PlayEvent

DECISION_WAIT_S: Final = 1.0
"""How long a moment's answer waits for the decision, so that whoever signals it sees what came of it."""

Body = TypeVar("Body", bound=BaseModel)

_CAUSES: Final[dict[Literal["close", "not_interested"], CloseCause]] = {
    "close": CloseCause.PRESS,
    "not_interested": CloseCause.NOT_INTERESTED,
}


async def read(request: web.Request, body: type[Body]) -> Body:
    """Return the request's JSON as `body`. Raises pydantic's ValidationError, which becomes a 400."""
    return body.model_validate_json(await request.read() or b"{}")


def keep_pace(request: web.Request) -> None:
    """Count a moment. Raises RequestRefusedError (429) where too many have come through this door."""
    wait_s = request.app[PACE].wait_s(asyncio.get_running_loop().time())
    if wait_s:
        raise RequestRefusedError(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"More than {MOST_MOMENTS} moments came within {MOMENTS_WITHIN_S:g} s, and each is decided on.",
            "Signal what happens to a person in the room, not every reading.",
            retry_after_s=math.ceil(wait_s),
        )


async def post_moment(request: web.Request) -> web.Response:
    """Signal a moment. 202 with the decision, or null when none was made within a second."""
    agent = request.app[AGENT]
    body = await read(request, MomentBody)
    keep_pace(request)
    if body.kind is MomentKind.POWER_ON:  # a device that says so is on
        _switch(request, powered=True)
    moment = Moment(body.kind, agent.now(), body.topic, body.attributes)
    decision = await _decision_on(agent, moment)
    return web.json_response({"accepted": True, "decision": decision}, status=HTTPStatus.ACCEPTED)


async def post_state(request: web.Request) -> web.Response:
    """Change what the device says of itself."""
    agent = request.app[AGENT]
    body = await read(request, StateBody)
    if body.powered is not None:
        _switch(request, powered=body.powered)
    rest = body.model_dump(include={"do_not_disturb", "call_in_progress", "media_playing"}, exclude_none=True)
    if rest:
        agent.inject(DeviceChanged(**rest))
    if body.microphone_muted is not None:
        agent.mute(on=body.microphone_muted)
    return _accepted()


async def post_press(request: web.Request) -> web.Response:
    """Close what is playing."""
    body = await read(request, PressBody)
    return _inject(request, CloseRequested(_CAUSES[body.button]))


async def post_play_event(request: web.Request) -> web.Response:
    """Take one event of a play that the device's own software renders."""
    agent = request.app[AGENT]
    body = await read(request, PlayEventBody)
    play_id = PlayId(request.match_info["play_id"])
    if not agent.renders_itself(play_id):
        raise RequestRefusedError(
            HTTPStatus.NOT_FOUND,
            "No such play is being rendered by the device's software.",
            "Report events of a play id that /v1/slots gave, until its last event.",
        )
    return _inject(request, PlayProgressed(PlayEvent(play_id, body.event, agent.now(), body.t_ms, body.detail)))


async def post_resident(request: web.Request) -> web.Response:
    """Give or withdraw consent, or change limits; what is left out stays. Answers with what now holds."""
    agent = request.app[AGENT]
    body = await read(request, ResidentBody)
    consent, limits = agent.resident()
    agreed = body.consent.model_dump(exclude_none=True)
    if agreed:
        consent = consent.model_copy(update={**agreed, "at": agent.now()})
    limits = ResidentLimits.model_validate({**limits.model_dump(), **body.limits})
    agent.inject(ResidentDecided(consent, limits))
    return web.json_response({"consent": consent_view(consent), "limits": limits.model_dump(mode="json")})


async def post_erase(request: web.Request) -> web.Response:
    """Erase plays, decisions and unsent reports (the right of erasure). Consent and limits stay as they are."""
    await read(request, EraseBody)
    request.app[AGENT].erase()
    return _accepted()


async def post_clock(request: web.Request) -> web.Response:
    """Set the simulated clock of a stand-in; on a real device there is no such thing."""
    agent = request.app[AGENT]
    body = await read(request, ClockBody)
    if not agent.state()["device"]["standin"]:
        raise RequestRefusedError(
            HTTPStatus.NOT_FOUND, "Only a stand-in's clock can be set.", "Set the system's clock."
        )
    agent.set_clock(body.now)
    return web.json_response({"now": agent.now().isoformat()})


async def _decision_on(agent: AgentPort, moment: Moment) -> DecisionView | None:
    """Give the engine the moment and return the decision that answers it, if one comes in time."""
    at = moment.at.isoformat()
    with agent.subscribe() as messages:
        agent.inject(MomentArose(moment))
        try:
            async with asyncio.timeout(DECISION_WAIT_S):
                async for message in messages:
                    if message["type"] == "decision":
                        answered = message["decision"]["moment"]
                        if (answered["kind"], answered["topic"], answered["at"]) == (moment.kind, moment.topic, at):
                            return message["decision"]
        except TimeoutError:
            pass
    return None


def _switch(request: web.Request, *, powered: bool) -> None:
    request.app[DEVICES].switch(powered=powered)
    request.app[AGENT].inject(DeviceChanged(powered=powered))


def _inject(request: web.Request, event: Event) -> web.Response:
    request.app[AGENT].inject(event)
    return _accepted()


def _accepted() -> web.Response:
    return web.json_response({"accepted": True}, status=HTTPStatus.ACCEPTED)
