"""Sockets of Wyoming addresses (shell: sockets). Listening and connecting raise OSError, for callers to word."""

import errno
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

from edge_agent.voice.wyoming.protocol import Address

SOCKET_MODE: Final = 0o660
BACKLOG: Final = 16
_AHEAD_BYTES: Final = 64 * 1024
"""What a peer may send before it is read (the system takes twice that): two seconds of audio, and none waits longer
for who left in the middle of more."""
_KEEP_ASKING: Final = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
"""When a silent connection is asked for a sign of life, how often then, and how often in vain (seconds)."""


def listen_on(address: Address) -> socket.socket:
    """Return a socket that listens there; `leave` it when it is closed.

    A Unix socket is never open to more than its owner and group, nor taken from somebody who answers on it.
    """
    if not address.path:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        listening = socket.create_server((address.host, address.port), family=family, backlog=BACKLOG)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _AHEAD_BYTES)  # those that it accepts have it, too
        return listening
    path = Path(address.path)
    if path.is_socket():
        if _answers(path):
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        path.unlink()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous = os.umask(0o177)
    try:
        listening.bind(address.path)
        path.chmod(SOCKET_MODE)
        listening.listen(BACKLOG)
    except BaseException:
        listening.close()
        raise
    finally:
        os.umask(previous)
    return listening


def keep_asking(connected: socket.socket) -> None:
    """Have the system end a connection whose other side lost its power: two minutes, not two hours, and for ever."""
    if connected.family == socket.AF_UNIX:
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEP_ASKING.items():
        if hasattr(socket, option):  # Linux has all of them
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def leave(address: Address) -> None:
    """Remove what a socket that listened there has left behind, where the disk lets us: the next one looks there."""
    if address.path:
        with suppress(OSError):
            Path(address.path).unlink()


def connect_to(address: Address, timeout_s: float) -> socket.socket:
    """Return a socket that is connected to there."""
    if not address.path:
        connected = socket.create_connection((address.host, address.port), timeout_s)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connected.settimeout(timeout_s)
        connected.connect(address.path)
    except BaseException:
        connected.close()
        raise
    return connected


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(0)
        return asking.connect_ex(str(path)) in {0, errno.EAGAIN}
