"""Reads a pack that a newer writer wrote: takes away what this version does not know, and says what it took. Pure.

The rule of forward compatibility, within one format version (another `v` is refused whole):

1. A field that is not known is passed over, wherever it is.
2. Unless its object says in `crit` (a list of field names, as in RFC 7515, section 4.1.11) that whoever does not know
   the field must not use the object: then the creative, line item or asset that it is in is left out, and the pack
   where it is in none of them. A writer lists a field there when passing over it would place more than was booked.
3. A creative of a format that is not known is left out.
4. A line item loses the moments that are not known, and is left out when none remain. It is left out, too, when a cap
   of it counts what is not known, or its pacing is not known: without them it would be placed too often.
5. What named something that was left out goes without it: a line item without the creative, a creative without its
   follow-up or companion page. A creative whose asset was left out is left out. Assets that nothing needs any more
   are not fetched. A pack of which nothing remains cannot be used.

All else that breaks the format breaks the pack, as ever. What is left out has a reason that a person can read.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, get_args

from pydantic import BaseModel

from edge_agent.model.campaign import PHONE, CapScope, Creative, LineItem, Pacing
from edge_agent.model.errors import FormatError
from edge_agent.model.formats import Format
from edge_agent.model.moment import MomentKind
from edge_agent.packs.formats.manifest import Manifest, PackedAsset, judge_manifest, open_manifest, shelf_name

CRIT: Final = "crit"
MAX_REASONS: Final = 16
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_UPDATE: Final = "Update the agent to use all of the pack."

_Json = dict[str, Any]


class _CannotUse(Exception):  # noqa: N818 - a verdict within this file, never an error that travels
    """This version must leave the object alone; the text says why, after "is left out:"."""


def read_manifest(content: bytes, target_name: str, max_pack_bytes: int) -> tuple[Manifest, tuple[str, ...]]:
    """Return what this version can use of the manifest in `content`, and a sentence for each thing left out.

    Raises FormatError as `parse_manifest` does, but for what is merely newer; also when nothing usable remains.
    """
    value = open_manifest(content, target_name)
    what = f"The pack {shelf_name(target_name)}"
    reasons: list[str] = []
    try:
        known = _known(Manifest, _usable_parts(value, reasons))
    except _CannotUse as verdict:
        raise FormatError(f"{what} cannot be used: {verdict}.", _UPDATE) from verdict
    campaign = known.get("campaign")
    if reasons and isinstance(campaign, dict) and not (campaign.get("creatives") and campaign.get("line_items")):
        raise FormatError(f"{what} holds nothing that this agent can use: {reasons[0]}", _UPDATE)
    return judge_manifest(known, target_name, max_pack_bytes), tuple(reasons[:MAX_REASONS])


def _usable_parts(value: Mapping[str, Any], reasons: list[str]) -> _Json:
    whole, assets, campaign = dict(value), value.get("assets"), value.get("campaign")
    gone_assets: frozenset[str] = frozenset()
    if isinstance(assets, dict):
        kept = dict(_each("asset", assets.items(), lambda asset: _known(PackedAsset, asset), reasons))
        gone_assets = frozenset(assets.keys() - kept.keys())
        whole["assets"] = kept
    if isinstance(campaign, dict):
        whole["campaign"] = _campaign(campaign, gone_assets, reasons)
        if reasons and isinstance(assets, dict):
            needed = {
                name for creative in _dicts(whole["campaign"].get("creatives")) for name in _assets_of(creative)
            }
            whole["assets"] = {name: asset for name, asset in whole["assets"].items() if name in needed}
    return whole


def _campaign(campaign: _Json, gone_assets: frozenset[str], reasons: list[str]) -> _Json:
    creatives, items = campaign.get("creatives"), campaign.get("line_items")
    if not isinstance(creatives, list) or not isinstance(items, list):
        return campaign
    kept = [
        creative
        for _, creative in _each(
            "creative", _called(creatives, "crid"), lambda raw: _creative(raw, gone_assets), reasons
        )
    ]
    gone = _crids(creatives) - _crids(kept)
    booked = []
    for name, item in _each("line item", _called(items, "id"), _line_item, reasons):
        crids = item.get("crids") if isinstance(item, dict) else None
        left = (
            [crid for crid in crids if not isinstance(crid, str) or crid not in gone]
            if isinstance(crids, list)
            else []
        )
        if crids and isinstance(crids, list) and not left:
            reasons.append(f"The line item {_shown(name)} is left out: none of its creatives can be used.")
        else:
            booked.append(item | {"crids": left} if isinstance(crids, list) else item)
    return campaign | {"creatives": [_without_links(creative, gone) for creative in kept], "line_items": booked}


def _each(
    what: str, objects: Iterable[tuple[str, Any]], read: Callable[[_Json], _Json], reasons: list[str]
) -> list[tuple[str, Any]]:
    """Return each (name, object) as `read` left it. What is no object stays as it is, for validation to find."""
    found = []
    for name, value in objects:
        try:
            found.append((name, read(value) if isinstance(value, dict) else value))
        except _CannotUse as verdict:
            reasons.append(f"The {what} {_shown(name)} is left out: {verdict}.")
    return found


def _shown(name: str) -> str:
    """Return a name that nobody has validated yet as it can be told on one line."""
    return name if _NAME.fullmatch(name) else repr(name[:40])


def _creative(raw: _Json, gone_assets: frozenset[str]) -> _Json:
    _refuse_unknown(Format, raw.get("format"), "format")
    lost = sorted(_assets_of(raw) & gone_assets)
    if lost:
        raise _CannotUse(f"its asset {_shown(lost[0])} is")
    return _known(Creative, raw)


def _line_item(raw: _Json) -> _Json:
    for cap in _dicts(raw.get("caps")):
        _refuse_unknown(CapScope, cap.get("scope"), "cap scope")
    _refuse_unknown(Pacing, raw.get("pacing"), "pacing")
    item = _known(LineItem, raw)
    targeting = item.get("targeting")
    moments = targeting.get("moments") if isinstance(targeting, dict) else None
    if isinstance(targeting, dict) and isinstance(moments, list):
        known = [moment for moment in moments if not _is_unknown(MomentKind, moment)]
        if moments and not known:
            raise _CannotUse("this agent knows none of its moments")
        item["targeting"] = targeting | {"moments": known}
    return item


def _without_links(creative: Any, gone: frozenset[str]) -> Any:
    """Take from a creative what leads to creatives that were left out."""
    if not isinstance(creative, dict):
        return creative
    linked = {key: creative.get(key) for key in ("follow_up", "companion")}
    lost = {key for key, crid in linked.items() if isinstance(crid, str) and crid in gone}
    left = {key: value for key, value in creative.items() if key not in lost}
    if "companion" in lost and isinstance(left.get("turns"), list):
        left["turns"] = [_without_answers(turn, PHONE) for turn in left["turns"]]
    return left


def _without_answers(turn: Any, target: str) -> Any:
    answers = turn.get("answers") if isinstance(turn, dict) else None
    if not isinstance(answers, dict):
        return turn
    return turn | {"answers": {phrase: leads for phrase, leads in answers.items() if leads != target}}


def _known(model: type[BaseModel], raw: _Json) -> _Json:
    """Return `raw` with the fields that `model` has, its parts likewise. Raises _CannotUse if `crit` says so."""
    must = raw.get(CRIT, [])
    names = must if isinstance(must, list) else [must]
    newer = [name for name in names if not isinstance(name, str) or name not in model.model_fields]
    if newer:
        raise _CannotUse(f"this agent does not know its {newer[0]!r:.60}, and must to use it")
    return {
        name: _known_part(field.annotation, raw[name]) for name, field in model.model_fields.items() if name in raw
    }


def _known_part(annotation: Any, value: Any) -> Any:
    part = _model_in(annotation)
    if part is None:
        return value
    if isinstance(value, list):
        return [_known(part, item) if isinstance(item, dict) else item for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(annotation, type):
        return _known(part, value)
    return {name: _known(part, item) if isinstance(item, dict) else item for name, item in value.items()}


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation speaks of: itself, or within a tuple or a mapping."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _is_unknown(known: type[StrEnum], value: Any) -> bool:
    return isinstance(value, str) and value not in {member.value for member in known}


def _refuse_unknown(known: type[StrEnum], value: Any, what: str) -> None:
    if _is_unknown(known, value):
        raise _CannotUse(f"this agent does not know the {what} {value[:40]!r}")


def _called(values: list[Any], key: str) -> list[tuple[str, Any]]:
    named = [(value.get(key) if isinstance(value, dict) else None, value) for value in values]
    return [(name if isinstance(name, str) else f"number {at}", value) for at, (name, value) in enumerate(named, 1)]


def _crids(creatives: Iterable[Any]) -> frozenset[str]:
    return frozenset(one["crid"] for one in _dicts(creatives) if isinstance(one.get("crid"), str))


def _assets_of(creative: _Json) -> set[str]:
    named = [creative.get("asset"), *(turn.get("say") for turn in _dicts(creative.get("turns")))]
    return {name for name in named if isinstance(name, str)}


def _dicts(value: Any) -> list[_Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
