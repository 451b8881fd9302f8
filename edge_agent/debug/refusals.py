"""How the endpoint says no: an HTTP status, one sentence, and what to do about it."""

from typing import Final

from aiohttp import web
from pydantic import ValidationError

from edge_agent.model.errors import EdgeAgentError

MAX_SENTENCE: Final = 300


class RequestRefusedError(EdgeAgentError):
    """A request cannot be done. `status` is the HTTP status that says so."""

    def __init__(self, status: int, message: str, next_step: str = "") -> None:
        super().__init__(message, next_step)
        self.status = status


def refusal_response(status: int, message: str, next_step: str = "") -> web.Response:
    """Return `{"error": …, "next_step": …}` with that status."""
    return web.json_response({"error": message, "next_step": next_step}, status=status)


def sentence(error: ValidationError) -> str:
    """Return the first thing that is wrong with a body, as one sentence that names the field."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    complaint = first["msg"].rstrip(".")
    said = f"`{place}`: {complaint}." if place else f"The body is not usable: {complaint}."
    return said if len(said) <= MAX_SENTENCE else said[: MAX_SENTENCE - 1] + "…"
