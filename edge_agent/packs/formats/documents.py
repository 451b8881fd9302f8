"""Reading JSON that strangers wrote: limits first, then shape, then one sentence about what is wrong. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from edge_agent.model.complaints import complaint
from edge_agent.model.errors import FormatError

MAX_DOCUMENT_BYTES: Final = 128 * 1024
"""No document is larger, so that managed brokers (AWS IoT Core: 128 KiB a message) take every one."""

MAX_DEPTH: Final = 16
_QUOTED_CHARS: Final = 80
"""So much of a name that a stranger wrote is told."""

_STRINGS: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
"""Each to its end, or the document's: going back from one that has none would take a square of time."""
_Model = TypeVar("_Model", bound=BaseModel)


def parse_json(content: bytes, name: str, max_bytes: int = MAX_DOCUMENT_BYTES) -> Mapping[str, Any]:
    """Return the JSON object in `content`; `name` is what messages call it.

    Raises FormatError when it is longer than `max_bytes`, nested deeper than MAX_DEPTH, not UTF-8, not JSON
    (RFC 8259: no NaN, no Infinity), names one key twice, has half a character in a text, or is not an object.
    """
    if len(content) > max_bytes:
        raise FormatError(f"{name} has {len(content)} bytes; at most {max_bytes} are read.")
    if _depth(content) > MAX_DEPTH:
        raise FormatError(f"{name} is nested deeper than {MAX_DEPTH} levels.")
    try:
        value = json.loads(
            content.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite
        )
        if b"\\u" in content:
            json.dumps(value, ensure_ascii=False).encode()  # half a character can be read, and written nowhere
    except ValueError as error:
        raise FormatError(f"{name} is not valid JSON: {error}.") from error
    if not isinstance(value, dict):
        raise FormatError(f"{name} is not a JSON object.")
    return value


def validate(model: type[_Model], value: Any, name: str) -> _Model:
    """Return `value` as `model`. Raises FormatError with the first thing that is wrong, as one sentence."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise FormatError(f"{name}: {first_complaint(error)}") from error


def first_complaint(error: ValidationError) -> str:
    """Return where the first mistake is and what it is: `line_items[0].priority: …`."""
    detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ""
    for part in detail["loc"]:
        name = str(part)[:_QUOTED_CHARS]
        place += f"[{part}]" if isinstance(part, int) else f".{name}" if place else name
    message = complaint(detail)
    others = error.error_count() - 1
    more = f" (and {others} more)" if others else ""
    return f"{place}: {message}{more}" if place else f"{message}{more}"


def _depth(content: bytes) -> int:
    depth = deepest = 0
    for byte in _STRINGS.sub(b"", content):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f'the key "{key[:_QUOTED_CHARS]}" appears twice')
        found[key] = value
    return found


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


def _finite(text: str) -> float:
    value = float(text)
    if value in {float("inf"), float("-inf")}:
        raise ValueError(f"{text[:_QUOTED_CHARS]} is too large")
    return value
