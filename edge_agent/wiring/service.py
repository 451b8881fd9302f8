"""Talking to systemd (shell): readiness and watchdog over the notification socket.

The protocol is one datagram of `KEY=value` lines (sd_notify(3)); a library for these lines would be longer than
they are. Everything here does nothing outside systemd.
"""

import asyncio
import os
import socket
from collections.abc import Callable


def notify(message: str) -> None:
    """Send one notification such as `READY=1`, or nothing when systemd did not ask for any."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.connect("\0" + address[1:] if address.startswith("@") else address)
            channel.sendall(message.encode())
        except OSError:
            return  # systemd is gone; it will notice by itself


async def keep_watchdog(is_alive: Callable[[], bool]) -> None:
    """Feed systemd's watchdog at half its period for as long as `is_alive()` says so; return if there is none."""
    period_us = int(os.environ.get("WATCHDOG_USEC", "0") or 0)
    if not period_us:
        return
    while True:
        if is_alive():
            notify("WATCHDOG=1")
        await asyncio.sleep(period_us / 2e6)
