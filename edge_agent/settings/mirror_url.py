"""The address of a mirror. Pure.

`https://HOST[:PORT][/PATH]` and nothing else: no user, query or fragment, and no escapes, so that there is one way to
write each, and nothing but `/asset/<sha256>` below it is ever asked for. Source: RFC 3986, RFC 9110 section 4.2.2.
"""

import re
from typing import Annotated, Final

from pydantic import AfterValidator

MAX_URL_LENGTH: Final = 200
_MAX_PORT: Final = 65535
_URL: Final = re.compile(
    r"https://(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>(?:/[A-Za-z0-9._~-]+)*)/?"
)


def check_mirror_url(url: str) -> str:
    """Return `url` without a slash at its end. Raises ValueError, with a sentence, when it is no mirror's."""
    found = _URL.fullmatch(url)
    if found is None or len(url) > MAX_URL_LENGTH:
        raise ValueError(f"{url[:80]!r} cannot be a mirror; write https://host/path, without user, query or fragment")
    if found["port"] is not None and not 0 < int(found["port"]) <= _MAX_PORT:
        raise ValueError(f"{url[:80]!r} has no port that there is")
    if any(part in {".", ".."} for part in found["path"].split("/")):
        raise ValueError(f"{url[:80]!r} has a path that leads upwards")
    return url.rstrip("/")


MirrorUrl = Annotated[str, AfterValidator(check_mirror_url)]
