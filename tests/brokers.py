"""Real brokers for tests: mosquitto as a process, or the embedded broker in a thread of its own.

Both have the same blocking interface (`start`, `stop`, `restart`, `host`, `port`), so that they serve tests with an
event loop and tests without one. Retained messages outlive `restart()` of both. Tests that share a broker keep apart
by the `root` fixture, a topic root that no other test has.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, Protocol, Self

from edge_agent.standin.broker import EmbeddedBroker

MOSQUITTO: Final = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
"""Path of mosquitto, or None where it is not installed."""

_START_TIMEOUT_S: Final = 20


class Reachable(Protocol):
    """Where a broker, or something in front of one, takes connections."""

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...


def free_port() -> int:
    """Return a port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RunningBroker(ABC):
    """A broker that a test may stop and start: `with Mosquitto() as broker: connect to broker.host, broker.port`."""

    name: str
    host = "127.0.0.1"
    port: int
    protocol: Literal["auto", "5.0", "3.1.1"] = "auto"
    """What a test wants spoken to it."""

    @abstractmethod
    def start(self) -> None:
        """Return when clients can connect."""

    @abstractmethod
    def stop(self) -> None:
        """Drop every client and return when the port is closed. Does nothing when it is not running."""

    def restart(self) -> None:
        """Drop every client and listen on the same port again, with the retained messages from before."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop for good and remove what was written."""
        self.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Mosquitto(RunningBroker):
    """mosquitto with a configuration of its own on a free port; `persistent` keeps retained messages in a file.

    `lines` are further lines of mosquitto.conf, for instance `password_file …` with `allow_anonymous false`.
    """

    name = "mosquitto"

    def __init__(self, *, persistent: bool = True, lines: Sequence[str] = (), anonymous: bool = True) -> None:
        if MOSQUITTO is None:
            raise RuntimeError("mosquitto is not installed; ask for the `broker` fixture instead")
        self.directory = Path(tempfile.mkdtemp(prefix="edge-agent-mosquitto-"))
        self.port = free_port()
        self._process: subprocess.Popen[str] | None = None
        self._drain: threading.Thread | None = None
        self._lines = [
            f"allow_anonymous {'true' if anonymous else 'false'}",
            f"persistence {'true' if persistent else 'false'}",
            f"persistence_location {self.directory}/",
            "log_dest stderr",
            *(f"log_type {kind}" for kind in ("error", "warning", "notice", "information")),
            *(["user root"] if os.geteuid() == 0 else []),
            *lines,
        ]

    def start(self) -> None:
        """Return when mosquitto says that it is running. A port that was taken meanwhile is tried again."""
        if self._process is not None:
            return
        config = self.directory / "mosquitto.conf"
        config.write_text("\n".join([f"listener {self.port} {self.host}", *self._lines, ""]))
        self._process = subprocess.Popen(
            [str(MOSQUITTO), "-c", str(config)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        running, said = threading.Event(), []
        stream = self._process.stderr
        assert stream is not None

        def drain() -> None:
            with stream:
                for line in stream:
                    if not running.is_set():
                        said.append(line)
                        if line.rstrip().endswith(" running"):
                            running.set()
            running.set()

        self._drain = threading.Thread(target=drain, name="mosquitto-log", daemon=True)
        self._drain.start()
        if not running.wait(_START_TIMEOUT_S) or self._process.poll() is not None:
            self.stop()
            raise RuntimeError("mosquitto did not start:\n" + "".join(said))

    def processor_s(self) -> float:
        """Return the processor time that the process has taken; it has one thread."""
        assert self._process is not None
        return int(Path(f"/proc/{self._process.pid}/schedstat").read_text().split()[0]) / 1e9

    def stop(self) -> None:
        """Stop with SIGTERM, which writes the persistence file."""
        process, drain = self._process, self._drain
        self._process = self._drain = None
        if process is None or drain is None:
            return
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        drain.join()

    def close(self) -> None:
        """Stop and remove the directory."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


class Embedded(RunningBroker):
    """The embedded broker, on an event loop in a thread of its own so that it serves while a test blocks."""

    name = "embedded"

    def __init__(self) -> None:
        self.port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._broker: EmbeddedBroker | None = None

    def start(self) -> None:
        """Return when clients can connect."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="embedded-broker", daemon=True)
            self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(_START_TIMEOUT_S)

    def stop(self) -> None:
        """Drop every client and stop listening."""
        if self._loop is not None and self._broker is not None:
            asyncio.run_coroutine_threadsafe(self._broker.stop(), self._loop).result(_START_TIMEOUT_S)

    def close(self) -> None:
        """Stop the broker and its thread."""
        self.stop()
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = self._thread = None

    async def _start(self) -> None:
        if self._broker is None:
            self._broker = EmbeddedBroker()
        await self._broker.start()
        self.port = self._broker.port


def preferred() -> RunningBroker:
    """Return a new broker, not started: mosquitto where it is installed, the embedded one elsewhere."""
    return Mosquitto() if MOSQUITTO is not None else Embedded()
