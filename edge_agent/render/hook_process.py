"""Shell: one firmware hook as a process. The only file of the render room that starts, signals and reaps processes.

A hook runs in a session of its own with three environment variables and nothing else of the agent's. Its output is
bounded; what it leaves behind when it ends is killed with it. Only a descendant that makes a session of its own
escapes, and systemd's control group ends that one with the service.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from edge_agent.model.errors import RenderError
from edge_agent.model.play import one_line
from edge_agent.render.hook_output import Breach, Line, LineFramer, OutputLimits

_STDOUT, _STDERR = 1, 2
_STDERR_KEPT_BYTES: Final = 500
_STDERR_TOTAL_BYTES: Final = 2**20
_DRAIN_S: Final = 0.3
"""How long output may go on after the hook has ended; only an escaped descendant can hold the pipe open."""


@dataclass(frozen=True, slots=True)
class Exited:
    """The hook has ended and so has everything in its session. `status` is negative for a signal's number."""

    status: int

    def __str__(self) -> str:
        """Say how it ended."""
        return f"signal {-self.status}" if self.status < 0 else f"exit status {self.status}"


def hook_command(hook: Path) -> list[str]:
    """Return the command for a hook, or raise RenderError when it cannot be one.

    A hook named `*.py` runs in the agent's own interpreter, isolated and without site-packages, so that it needs
    neither the executable bit (which some installers lose) nor a `python3` of the right age. Any other hook is
    executed as it is.
    """
    try:
        is_there = hook.is_file()
    except OSError as error:  # above all, a folder that is not open to the agent's user
        raise RenderError(f"The hook {hook} cannot be read: {error.strerror}.", "Check who may open it.") from error
    if not is_there:
        raise RenderError(f"The hook {hook} does not exist.", "Check hooks_directory and hooks in the profile.")
    if hook.suffix == ".py":
        return [sys.executable, "-I", "-S", "-B", str(hook)]
    if not os.access(hook, os.X_OK):
        raise RenderError(f"The hook {hook} may not be executed.", f"Run: chmod +x {hook}")
    return [str(hook)]


def hook_environment(runtime: Path) -> dict[str, str]:
    """Return the whole environment of a hook; nothing else of the agent's own is passed on."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "EDGE_AGENT_RUNTIME": str(runtime),
    }


class HookProcess(asyncio.SubprocessProtocol):
    """A running hook: `next()` gives its lines, then at most one `Breach`, then exactly one `Exited`.

    Made by `start_hook`. All methods belong to the event loop's thread.
    """

    def __init__(self, limits: OutputLimits) -> None:
        self._loop = asyncio.get_running_loop()
        self._framer = LineFramer(limits)
        self._items: asyncio.Queue[Line | Breach | Exited] = asyncio.Queue()
        self._transport: asyncio.SubprocessTransport
        self._pid = 0
        self._breached = False
        self._open_pipes = {_STDOUT, _STDERR}
        self._exited = False
        self._drain_timer: asyncio.TimerHandle | None = None
        self._gone = asyncio.Event()
        self._stderr = bytearray()
        self._stderr_bytes = 0
        self._kill_timer: asyncio.TimerHandle | None = None
        self._started_at = self._loop.time()
        self.outlived_its_close = False

    async def next(self) -> Line | Breach | Exited:
        """Return what the hook did next."""
        return await self._items.get()

    @property
    def t_ms(self) -> int:
        """Milliseconds since the hook was started."""
        return int((self._loop.time() - self._started_at) * 1000)

    @property
    def complaint(self) -> str:
        """The beginning of what the hook printed on stderr, on one line."""
        return one_line(self._stderr.decode("utf-8", "replace"))

    def ask_to_close(self, within_s: float) -> None:
        """Send SIGTERM now, and SIGKILL to whatever is left after `within_s`. Asking again changes nothing."""
        if self._kill_timer is None and not self._gone.is_set():
            self._kill_timer = self._loop.call_later(within_s, self._lose_patience)
            self._signal_group(signal.SIGTERM)

    def _lose_patience(self) -> None:
        self.outlived_its_close = True
        self.kill()

    def kill(self) -> None:
        """Send SIGKILL to the hook and everything in its session."""
        if not self._gone.is_set():
            self._sweep()

    async def end(self, within_s: float) -> None:
        """Ask the hook to close, and return when it is gone; being cancelled meanwhile only makes it quicker."""
        self.ask_to_close(within_s)
        try:
            await self._gone.wait()
        except asyncio.CancelledError:
            self.kill()
            await self._gone.wait()
            raise

    # What asyncio calls (https://docs.python.org/3/library/asyncio-protocol.html#subprocess-protocols).

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the process, which leads its own session and group."""
        self._transport = cast("asyncio.SubprocessTransport", transport)
        self._pid = self._transport.get_pid() or 0

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Cut stdout into lines; keep the beginning of stderr."""
        if fd == _STDOUT:
            self._take(self._framer.feed(data, self._loop.time()))
            return
        self._stderr_bytes += len(data)
        self._stderr += data[: _STDERR_KEPT_BYTES - len(self._stderr)]
        if self._stderr_bytes > _STDERR_TOTAL_BYTES:
            self._take([Breach(f"The hook printed more than {_STDERR_TOTAL_BYTES} bytes on stderr.")])

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Note that all output was read."""
        self._open_pipes.discard(fd)
        if self._exited and not self._open_pipes:
            self._finish()

    def process_exited(self) -> None:
        """Kill what the hook left behind, and tell the reader once the rest of its output is read."""
        self._exited = True
        self._sweep()
        if self._breached or not self._open_pipes:
            self._finish()
        else:
            self._drain_timer = self._loop.call_later(_DRAIN_S, self._finish)

    def _finish(self) -> None:
        if self._gone.is_set():
            return
        for timer in (self._kill_timer, self._drain_timer):
            if timer is not None:
                timer.cancel()
        if not self._breached:
            self._take(self._framer.finish())
        status = self._transport.get_returncode()
        self._transport.close()
        self._gone.set()
        self._items.put_nowait(Exited(0 if status is None else status))

    def _take(self, items: Sequence[Line | Breach]) -> None:
        for item in items:
            if self._breached:
                return
            self._items.put_nowait(item)
            if isinstance(item, Breach):
                self._breached = True
                self._stop_reading()

    def _stop_reading(self) -> None:
        """Let the pipes fill up: a flooding hook then waits instead of costing the agent time."""
        for fd in (_STDOUT, _STDERR):
            pipe = self._transport.get_pipe_transport(fd)
            if isinstance(pipe, asyncio.ReadTransport) and not pipe.is_closing():
                pipe.pause_reading()

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, number)

    def _sweep(self) -> None:
        """Kill the group, and the members of the session that made groups of their own (as `sh -m` does).

        While any of them lives, the kernel gives the session's number to nobody else (POSIX 1003.1 3.285).
        """
        self._signal_group(signal.SIGKILL)
        for pid in _session_members(self._pid):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _session_members(session: int) -> list[int]:
    """Return the processes of a session, by proc(5) `/proc/<pid>/stat`; none where there is no /proc."""
    members = []
    with suppress(FileNotFoundError):
        for name in os.listdir("/proc"):  # noqa: PTH208 - Path objects for every process would cost ten times more
            if not name.isdigit():
                continue
            with suppress(OSError):
                stat = Path("/proc", name, "stat").read_bytes()
                # The command name may hold anything, so count from its closing parenthesis: state ppid pgrp session.
                if int(stat[stat.rindex(b")") + 2 :].split(maxsplit=4)[3]) == session:
                    members.append(int(name))
    return members


async def start_hook(hook: Path, request: bytes, runtime: Path, limits: OutputLimits) -> HookProcess:
    """Start a hook in `runtime` with `request` on its stdin. Raises RenderError when it cannot be started."""
    command = hook_command(hook)
    try:
        stdin = _prepare(runtime, request)
    except OSError as error:
        raise RenderError(
            f"The runtime directory {runtime} cannot be used: {error.strerror}.", "Check its owner and free space."
        ) from error
    try:
        _, process = await asyncio.get_running_loop().subprocess_exec(
            lambda: HookProcess(limits),
            *command,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=runtime,
            env=hook_environment(runtime),
            start_new_session=True,
        )
    except OSError as error:
        raise RenderError(
            f"The hook {hook} cannot be executed: {error.strerror}.", "Check its first line and its format."
        ) from error
    finally:
        os.close(stdin)
    return process


def _prepare(runtime: Path, request: bytes) -> int:
    """Make the runtime directory, and return a file of memory that holds the request.

    Unlike a pipe it is never full and never breaks; unlike asyncio's own socket pair it can be opened again as
    /dev/stdin, which shell hooks do.
    """
    runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.memfd_create("request", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, request)
        os.lseek(descriptor, 0, os.SEEK_SET)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
