"""Why an address cannot be listened on, in the system's words alone: asyncio's repeat the address."""

import os
from typing import Final

ANOTHER_PORT: Final = "Choose another port, or 0 for any free one."


def bind_trouble(error: OSError) -> str:
    """Return the reason. A name that is no address has a negative number (getaddrinfo(3)), and words of its own."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)
