"""Shell (sockets and files): the two doors of the endpoint, open for as long as the agent runs."""

import asyncio
import logging
import os
import secrets
import socket
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from edge_agent.debug.access import Access
from edge_agent.debug.application import make_application
from edge_agent.debug.port import AgentPort
from edge_agent.model.errors import SettingsError
from edge_agent.settings.rooms import DebugSettings

logger = logging.getLogger(__name__)
_NO_HTTP: Final = (HttpProcessingError, web.RequestPayloadError)
"""What whoever asks does wrong. They are told; a page of log for each would be theirs to fill the disk with."""
_wire_log = logging.getLogger(f"{__name__}.wire")
_wire_log.addFilter(lambda record: not (record.exc_info and isinstance(record.exc_info[1], _NO_HTTP)))

SOCKET_MODE: Final = 0o660
MIN_TOKEN: Final = 16
SHUTDOWN_S: Final = 1.0
MAX_CONNECTIONS: Final = 96
"""Through one door at a time: connections are open files, and an agent without any left renders nothing.

Those that come at once may be a few dozen more (`BACKLOG`), since each is counted when it is open.
"""
BACKLOG: Final = 32


@dataclass(frozen=True, slots=True)
class Doors:
    """Where the endpoint is reached: `url` of the loopback (None when closed), and the socket's path."""

    url: str | None
    socket: Path | None


@asynccontextmanager
async def serve(agent: AgentPort, settings: DebugSettings) -> AsyncIterator[Doors]:
    """Open both doors as `settings` say, and close them on leaving; live streams end within a second.

    Raises SettingsError when a port or path cannot be used, or the token file is unfit.
    """
    async with AsyncExitStack() as stack:
        url = None
        if settings.port is not None:
            token = None if settings.token_file is None else read_or_make_token(settings.token_file)
            runner = await _running(stack, make_application(agent, Access.loopback(token)))
            url = await _open_loopback(stack, runner, settings.host, settings.port)
        if settings.socket is not None:
            runner = await _running(stack, make_application(agent, Access.unix_socket()))
            await _open_socket(stack, runner, settings.socket)
            stack.callback(settings.socket.unlink, missing_ok=True)
        yield Doors(url, settings.socket)


def read_or_make_token(path: Path) -> str:
    """Return the token in `path`; a file that is missing is made, readable by its owner only."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(32) + "\n")
        token = path.read_text(encoding="utf-8").strip()
        readable_by_all = path.stat().st_mode & stat.S_IROTH
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"The token file {path} cannot be read: {why}.", "Check its path and owner.") from error
    if readable_by_all:
        raise SettingsError(f"Everybody may read the token file {path}.", f"Run: chmod o-rwx {path}")
    if len(token) < MIN_TOKEN:
        raise SettingsError(
            f"The token in {path} is shorter than {MIN_TOKEN} characters.", "Delete the file; a new one will be made."
        )
    return token


def try_loopback(settings: DebugSettings) -> str:
    """Return where the page would be and who might act there; nothing is made, or stays open.

    Raises SettingsError where `serve` could not open the loopback now.
    """
    host, port, token_file = settings.host, settings.port or 0, settings.token_file
    if token_file is not None and token_file.exists():
        read_or_make_token(token_file)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            raise _unusable(port, error) from error
    where = _url(host, port) if port else f"any free port of {host}"
    return f"{where}, {'read-only' if token_file is None else f'with the token in {token_file} it acts, too'}"


async def _running(stack: AsyncExitStack, application: web.Application) -> web.AppRunner:
    runner = web.AppRunner(
        application, access_log=None, logger=_wire_log, shutdown_timeout=SHUTDOWN_S, handler_cancellation=False
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    return runner


async def _open_loopback(stack: AsyncExitStack, runner: web.AppRunner, host: str, port: int) -> str:
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(_not_too_many(runner), host, port, backlog=BACKLOG)
    except OSError as error:
        raise _unusable(port, error) from error
    stack.callback(server.close)
    return _url(host, server.sockets[0].getsockname()[1])


def _not_too_many(runner: web.AppRunner) -> Callable[[], asyncio.BaseProtocol]:
    """Return what takes a connection: the application, or nobody while as many are open as there may be."""
    server = runner.server
    if server is None:
        raise RuntimeError("a door is opened after its application was set up")

    def taker() -> asyncio.BaseProtocol:
        return server() if len(server.connections) < MAX_CONNECTIONS else _TurnedAway()

    return taker


class _TurnedAway(asyncio.Protocol):
    """Closes a connection as soon as it is open."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _unusable(port: int, error: OSError) -> SettingsError:
    why = os.strerror(error.errno) if error.errno else error  # asyncio's own words repeat the address
    return SettingsError(
        f"The debug endpoint cannot use port {port}: {why}.", "Choose another debug.port, or 0 for any."
    )


def _url(host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/"


async def _open_socket(stack: AsyncExitStack, runner: web.AppRunner, path: Path) -> None:
    """Listen on `path`, which is never open wider than it should be, nor taken from another agent that runs."""
    if await _answers(path):
        raise SettingsError(f"Another agent answers on {path}.", "Stop it, or choose another socket.")
    try:
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(_not_too_many(runner), sock=_bound(path), backlog=BACKLOG)
    except OSError as error:
        raise SettingsError(
            f"The socket {path} cannot be opened: {error.strerror or error}.", "Check the folder's owner and length."
        ) from error
    stack.callback(server.close)


def _bound(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous = os.umask(0o177)
    try:
        bound.bind(str(path))
    except BaseException:
        bound.close()
        raise
    finally:
        os.umask(previous)
    path.chmod(SOCKET_MODE)
    return bound


async def _answers(path: Path) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    writer.close()
    return True
