"""Processes that work until they are killed. `python -m tests.power_cuts.victims` imports once and forks for each.

It reads one job a line from stdin, answers with the victim's process id, and, once the victim is dead, with "over".
What a victim has seen or finished it appends to its ledger, one line each, written whole or not at all (PIPE_BUF).
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from edge_agent.fleet.publishing.broker import BrokerAddress
from edge_agent.fleet.publishing.send import send
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.signed_packs import sign_pack
from edge_agent.link.session import Link
from edge_agent.measure.journal import Journal
from edge_agent.model.errors import LinkError
from edge_agent.settings.layers import Settings
from edge_agent.settings.rooms import LinkSettings
from edge_agent.wiring.retained_repository import RetainedRepository
from edge_agent.wiring.trial import ConfigTrial
from tests.fleets import Device, silent
from tests.unit.measure.plays import NOON, SHOWN, play, record

Job = dict[str, Any]


class _Ledger:
    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def note(self, line: object) -> None:
        os.write(self._file, f"{line}\n".encode())


class _Witnessed(RetainedRepository):
    """The real way to a broker, that notes every chunk which arrived."""

    def __init__(self, link: Link, root: str, ledger: _Ledger) -> None:
        super().__init__(link, root)
        self._ledger = ledger

    async def fetch_many(
        self, topics: Sequence[str], window: int, max_bytes: int
    ) -> AsyncGenerator[tuple[str, bytes | LinkError], None]:
        async for topic, answer in super().fetch_many(topics, window, max_bytes):
            if topic.startswith("repo/chunk/") and isinstance(answer, bytes):
                self._ledger.note(topic.removeprefix("repo/chunk/"))
            yield topic, answer


async def _sync(job: Job, ledger: _Ledger) -> None:
    """Be a device's packs room; a budget that holds little more than two packs makes it evict.

    `mirrors` are addresses of the authority `ca_file`, where assets are on mirrors.
    """
    link = Link(LinkSettings(device_id="tv", host=job["host"], port=job["port"], root=job["root"]))
    source = _Witnessed(link, job["root"], ledger)
    mirrors = {key: job[key] for key in ("mirrors", "mirror_ca_file") if key in job}
    directory, root_json = Path(job["directory"]), Path(job["root_json"])
    device = Device(directory, root_json, source, budget_bytes=job["budget"], **mirrors)
    running = asyncio.create_task(link.run())
    async with device:
        await running


async def _publish(job: Job, ledger: _Ledger) -> None:
    """Be an operator: sign what is in the folder, again and again with another picture, and send it."""
    fleet, address = FleetRepository.open(Path(job["fleet"])), BrokerAddress(job["host"], job["port"], job["root"])
    folder = Path(job["folder"])
    poster, fresh = folder / "poster.png", folder.parent / "fresh.png"
    while True:
        fresh.write_bytes(poster.read_bytes()[:-4] + os.urandom(4))
        fresh.replace(poster)
        signed = sign_pack(fleet, folder, datetime.now(UTC), silent)
        await send(fleet, address, silent)
        ledger.note(signed.version)


async def _configure(job: Job, ledger: _Ledger) -> None:
    """Be a device that is given one configuration after another; the one of version `deadly` kills it."""

    async def live_by(settings: Settings) -> None:
        if settings.placements.max_per_day == job.get("deadly"):
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(0)

    trial = ConfigTrial(Path(job["config"]), live_by)
    version = job["version"]
    while True:
        version += 1
        document = json.dumps({"v": 1, "version": version, "placements": {"max_per_day": version}})
        ledger.note(f"offered {version}")
        outcome = await trial.offer({"config/fleet.json": document.encode()})
        trial.settle()
        ledger.note(f"{outcome.outcome} {version}")


async def _play(job: Job, ledger: _Ledger) -> None:
    """Be a device that plays one thing after another."""
    journal, number = Journal(Path(job["database"])), job["number"]
    while True:
        number += 1
        record(journal, play(str(number), NOON + timedelta(seconds=number)), SHOWN)
        ledger.note(f"play-{number}")


_JOBS: dict[str, Callable[[Job, _Ledger], Any]] = {
    "sync": _sync,
    "publish": _publish,
    "configure": _configure,
    "play": _play,
}


class Victims:
    """Starts victims and kills them: `with Victims() as victims: victims.kill({"work": "sync", …}, after_s=0.2)`."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.power_cuts.victims"]
        self._nursery = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._nursery.communicate()

    def kill(self, job: Job, after_s: float) -> None:
        """Let a victim work for so long, and kill it (SIGKILL). Fails when it ended by itself."""
        victim = self._fork(job)
        time.sleep(after_s)  # the random instant itself, not a wait for something to happen
        os.kill(victim, 9)
        self._bury()

    def let_die(self, job: Job) -> None:
        """Let a victim work until it is killed (SIGKILL) by what it works on. Fails when it ends otherwise."""
        self._fork(job)
        self._bury()

    def _fork(self, job: Job) -> int:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(json.dumps(job) + "\n")
        self._nursery.stdin.flush()
        return int(self._nursery.stdout.readline())

    def _bury(self) -> None:
        assert self._nursery.stdout is not None
        status = self._nursery.stdout.readline().split()
        assert status == ["over", "9"], f"the victim ended by itself: {status}"


def main() -> None:
    """Fork a victim for each line."""
    import_module("edge_agent.packs.fetching.mirror_client")  # which a device imports once it has a mirror
    for line in sys.stdin:
        job = json.loads(line)
        victim = os.fork()
        if victim == 0:
            asyncio.run(_JOBS[job["work"]](job, _Ledger(job["ledger"])))
            os._exit(0)
        _say(victim)
        _, status = os.waitpid(victim, 0)
        _say(f"over {-os.waitstatus_to_exitcode(status)}")


def _say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
