"""Pure: what a hook is told about a play. Nothing about the resident, the household or other plays is in it."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from edge_agent.model.campaign import Turn
from edge_agent.model.catalog import Candidate
from edge_agent.model.cue import Cue
from edge_agent.model.device import Microphone
from edge_agent.model.errors import RenderError
from edge_agent.model.formats import Format
from edge_agent.model.moment import Slot
from edge_agent.model.play import Play
from edge_agent.render.hook_protocol import PROTOCOL_VERSION

Verb = Literal["show", "say", "stage", "watch", "cue", "microphone"]


def verb_for(fmt: Format) -> Verb:
    """Return which hook renders a format: `say` what is heard, `show` what is seen."""
    return "say" if fmt.is_spoken else "show"


def rendering_asset(play: Play) -> Path | None:
    """Return the file that is shown or played, or None where the device speaks the transcript in its own voice.

    For a voice_dialogue it is what the play's turn says. Raises RenderError when that file is not at hand.
    """
    turn = _turn(play)
    name = turn.say if turn is not None else play.candidate.creative.asset
    if name is None:
        return None
    path = play.paths.get(name)
    if path is None:
        raise RenderError(f"The asset {name} is not on this device.", "Wait until the pack is complete.")
    return path


def encode_request(verb: Verb, play: Play, asset: Path | None) -> bytes:
    """Return the request line for `play`; `asset` is the file to render. Durations are seconds, sizes pixels."""
    request = {
        "v": PROTOCOL_VERSION,
        "verb": verb,
        "play": play.id,
        "slot": _slot(play.slot),
        "creative": _creative(play),
        "asset": None if asset is None else str(asset),
        "assets": {name: str(path) for name, path in sorted(play.paths.items())},
    }
    return encode_line(request)


def encode_empty_stage() -> bytes:
    """Return the request that takes the staged boot screen away."""
    return encode_line({"v": PROTOCOL_VERSION, "verb": "stage", "play": None, "asset": None})


def encode_watch() -> bytes:
    """Return the request that starts a `watch` hook."""
    return encode_line({"v": PROTOCOL_VERSION, "verb": "watch"})


def encode_cue(cue: Cue, asset: Path) -> bytes:
    """Return the request that has a short sound played."""
    return encode_line({"v": PROTOCOL_VERSION, "verb": "cue", "cue": cue.value, "asset": str(asset)})


def encode_microphone(microphone: Microphone) -> bytes:
    """Return the request that has the device show what its microphone is doing."""
    return encode_line({"v": PROTOCOL_VERSION, "verb": "microphone", "microphone": microphone.value})


def encode_line(value: Mapping[str, Any]) -> bytes:
    """Return one JSON object on one line, in ASCII, so that no hook needs to think of encodings."""
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"


def _slot(slot: Slot) -> dict[str, Any]:
    return {
        "id": slot.id,
        "format": slot.format.value,
        "moment": {"kind": slot.moment.kind.value, "topic": slot.moment.topic},
        "max_dur": _seconds(slot.max_dur),
        "mime": list(slot.mime),
        "w": slot.w,
        "h": slot.h,
        "lang": slot.lang,
    }


def _creative(play: Play) -> dict[str, Any]:
    candidate, turn = play.candidate, _turn(play)
    name = turn.say if turn is not None else candidate.creative.asset
    asset = None if name is None else candidate.pack.assets.get(name)
    own_dur = asset.dur if asset is not None and asset.dur else candidate.creative.dur
    return {
        "crid": candidate.creative.crid,
        "format": candidate.creative.format.value,
        "lang": candidate.creative.lang,
        "title": candidate.campaign.name,
        **_advertiser(candidate),
        "transcript": candidate.creative.transcript if turn is None else turn.transcript,
        "link": candidate.creative.link,
        "turn": "" if turn is None else turn.id,
        "dur": _seconds(own_dur),
        "mime": "" if asset is None else asset.mime,
        "w": 0 if asset is None else asset.w,
        "h": 0 if asset is None else asset.h,
    }


def _advertiser(candidate: Candidate) -> dict[str, Any]:
    campaign = candidate.campaign
    return {"advertiser": campaign.advertiser, "adomain": list(campaign.adomain)}


def _turn(play: Play) -> Turn | None:
    turns = play.candidate.creative.turns
    if not turns:
        return None
    if not play.turn:
        return turns[0]
    for turn in turns:
        if turn.id == play.turn:
            return turn
    raise RenderError(f"The dialogue has no turn {play.turn}.", "Report this as a bug of the agent.")


def _seconds(value: timedelta) -> float:
    return value.total_seconds()
