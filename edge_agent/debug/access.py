"""Who may read and who may act over one door, and what every answer carries.

There are two doors to the same application. On the loopback anybody on the machine may read, and only a bearer of
the token may act; the `Host` header must name the loopback, so that no web page elsewhere can reach the endpoint by
rebinding its own name to 127.0.0.1. Acting needs an `Authorization` header, which no page of another origin can send
without a CORS preflight, and preflights are never granted: so there is no cross-site request forgery. Another site's
page can read nothing, but could keep every live stream taken; so what a browser asks for one (Fetch Metadata's
`Sec-Fetch-Site`) is refused. On the Unix socket the file's permissions are the authorisation, and whoever can open it
may act.
"""

import hmac
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Self

from aiohttp import web

from edge_agent.debug.refusals import Handler, RequestRefusedError, answer, refusal_response

LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
        "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
"""On every answer: scripts and styles from this origin only, nothing kept, nothing framed, no type guessed."""


@dataclass(frozen=True, slots=True)
class Access:
    """The rules of one door. Without a token and without `trusted`, nobody may act."""

    token: str | None = field(default=None, repr=False)
    trusted: bool = False

    @classmethod
    def loopback(cls, token: str | None) -> Self:
        """Return the TCP door's rules: anybody on this machine reads, a bearer of the token acts."""
        return cls(token=token)

    @classmethod
    def unix_socket(cls) -> Self:
        """Return the Unix socket's rules: whoever may open the file may act."""
        return cls(trusted=True)

    def serves(self, host: str) -> bool:
        """Whether a request that names `host` was meant for this door."""
        return self.trusted or names_loopback(host)

    def may_act(self, authorization: str | None) -> bool:
        """Whether a request with that `Authorization` header may act. Compares in constant time."""
        if self.trusted:
            return True
        if not self.token or authorization is None:
            return False
        scheme, _, given = authorization.partition(" ")
        shown = given.strip().encode(errors="surrogateescape")  # a header's bytes that are no UTF-8
        return scheme.lower() == "bearer" and hmac.compare_digest(shown, self.token.encode())


ACCESS = web.AppKey("access", Access)


def may_act(request: web.Request) -> bool:
    """Whether this request may act."""
    return request.app[ACCESS].may_act(request.headers.get("Authorization"))


def acting(handler: Handler) -> Handler:
    """Let only those act who may: 401 without a token, 403 where this door has none or the token is wrong."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        if not may_act(request):
            access = request.app[ACCESS]
            if access.token is None:
                raise RequestRefusedError(
                    HTTPStatus.FORBIDDEN,
                    "This endpoint only reads.",
                    "Use the agent's Unix socket, or set token_file.",
                )
            if "Authorization" not in request.headers:
                raise RequestRefusedError(
                    HTTPStatus.UNAUTHORIZED, "Acting needs the agent's token.", "Send `Authorization: Bearer TOKEN`."
                )
            raise RequestRefusedError(
                HTTPStatus.FORBIDDEN, "That is not this agent's token.", "Read it from token_file."
            )
        return await handler(request)

    return guarded


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Check the `Host`, and that no other site's page asks, and answer."""
    if not request.app[ACCESS].serves(request.headers.get("Host", "")):
        return refusal_response(
            HTTPStatus.MISDIRECTED_REQUEST,
            "This endpoint answers to 127.0.0.1 and localhost only.",
            "Use that address.",
        )
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and request.path != "/":
        return refusal_response(
            HTTPStatus.FORBIDDEN, "This endpoint answers to no other site's page.", "Open its own page, at /."
        )
    return await answer(request, handler)


async def add_security_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Put the security headers on an answer that is about to be sent; a stricter one of its own is kept."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)


def names_loopback(host: str) -> bool:
    """Whether a `Host` header names the loopback, with any port (a tunnel may have its own)."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower() in LOOPBACK_NAMES
