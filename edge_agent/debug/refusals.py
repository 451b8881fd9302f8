"""How the endpoint says no: an HTTP status, one sentence, and what to do about it."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web
from pydantic import ValidationError

from edge_agent.model.complaints import complaint
from edge_agent.model.errors import EdgeAgentError

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MAX_SENTENCE: Final = 300


class RequestRefusedError(EdgeAgentError):
    """A request cannot be done. `status` is the HTTP status that says so; `retry_after_s`, if any, when it can be."""

    def __init__(self, status: int, message: str, next_step: str = "", *, retry_after_s: int = 0) -> None:
        super().__init__(message, next_step)
        self.status = status
        self.retry_after_s = retry_after_s


async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Return what `handler` answers, with everything that goes wrong turned into JSON of one sentence."""
    try:
        return await handler(request)
    except web.HTTPException as plain:
        if plain.status < HTTPStatus.BAD_REQUEST:
            raise
        return refusal_response(plain.status, f"{plain.reason}.", "See edge-agent docs http for what there is.")
    except ConnectionError:
        raise  # The client left; there is nobody to answer.
    except Exception as error:  # noqa: BLE001  the last net of a request; what is not expected is logged below
        return _in_words(request, error)


def _in_words(request: web.Request, error: Exception) -> web.Response:
    match error:
        case RequestRefusedError():
            refused = refusal_response(error.status, str(error), error.next_step)
            if error.retry_after_s:
                refused.headers["Retry-After"] = str(error.retry_after_s)
            return refused
        case web.RequestPayloadError():
            return refusal_response(
                HTTPStatus.BAD_REQUEST, "The body is not what its headers say.", "Send it whole, and as it is."
            )
        case ValidationError():
            return refusal_response(
                HTTPStatus.BAD_REQUEST, sentence(error), "See edge-agent docs http for what is expected."
            )
        case EdgeAgentError():
            return refusal_response(HTTPStatus.SERVICE_UNAVAILABLE, str(error), error.next_step)
        case _:
            logger.error("%s %s could not be answered; this is a bug.", request.method, request.path, exc_info=error)
            return refusal_response(HTTPStatus.INTERNAL_SERVER_ERROR, "That could not be answered.", "See the log.")


def refusal_response(status: int, message: str, next_step: str = "") -> web.Response:
    """Return `{"error": …, "next_step": …}` with that status."""
    return web.json_response({"error": message, "next_step": next_step}, status=status)


def sentence(error: ValidationError) -> str:
    """Return the first thing that is wrong with a body, as one sentence that names the field."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    wrong = complaint(first)
    said = f"`{place}`: {wrong}." if place else f"The body is not usable: {wrong}."
    return said if len(said) <= MAX_SENTENCE else said[: MAX_SENTENCE - 1] + "…"
