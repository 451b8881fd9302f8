"""What pydantic complains of, in words for a person. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

_PLAIN: Final = {
    "missing": "it is missing",
    "extra_forbidden": "there is no such field",
    "string_too_short": "it is empty",
    "time_delta_parsing": "write a number of seconds",
    "datetime_parsing": "write a time such as 2027-01-01T00:00:00Z",
    "datetime_from_date_parsing": "write a time such as 2027-01-01T00:00:00Z",
    "datetime_type": "write a time such as 2027-01-01T00:00:00Z",
}
_SHOULD: Final = re.compile(r"^(Input|String|List|Tuple|Dictionary|Value) should ")


def complaint(detail: Mapping[str, Any]) -> str:
    """Return what one of `ValidationError.errors()` says is wrong, beginning small and without a full stop."""
    told: str = _PLAIN.get(detail["type"]) or detail["msg"].removeprefix("Value error, ")
    return _SHOULD.sub("it should ", told).replace(" after validation", "").rstrip(".")
