"""What a packs room of its own process needs while 200 MB of packs arrive: memory, and bytes written to the disk.

    python -m tests.bench.packs.memory [--megabytes 200] [--packs 1] [--disk DIRECTORY] [--mirror]

A child process runs the session and the packs room as the agent does, with the operator's settings raised to take it
all. Resident memory (VmRSS) is read every 20 ms, from connected and idle with an empty shelf until every pack is
complete; bytes written are the kernel's account of the child (write_bytes of /proc/PID/io; 0 where `--disk` is not
really on a disk). Then 1 % of the first pack is changed in one piece, and published. With `--mirror` assets come from
an HTTPS mirror instead of the broker; what HTTP takes is imported by then, as the agent's own endpoint has it.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from edge_agent.fleet.publishing.broker import BrokerAddress
from edge_agent.fleet.publishing.mirror_folder import choose
from edge_agent.fleet.publishing.mirroring import write_folder
from edge_agent.fleet.publishing.send import send
from edge_agent.link.session import Link
from edge_agent.settings.rooms import LinkSettings
from edge_agent.wiring.retained_repository import RetainedRepository
from tests.brokers import Mosquitto
from tests.fleets import Device, SmallFleet, png, random_bytes, silent
from tests.mirrors import Authority, Mirror

ROOT = "edge"


async def child(
    port: int, directory: Path, root_json: Path, packs: int, budget_bytes: int, mirror: str, ca_file: str
) -> None:
    if mirror:
        import_module("aiohttp.web")
    link = Link(LinkSettings(device_id="bench", port=port, root=ROOT))
    device = Device(
        directory,
        root_json,
        RetainedRepository(link, ROOT),
        budget_bytes=3 * budget_bytes,
        max_pack_bytes=2 * budget_bytes,
        mirrors=[mirror] if mirror else [],
        mirror_ca_file=ca_file or None,
    )
    running = asyncio.create_task(link.run())
    async with device:
        await device.until(lambda: device.shelf.status().version > 0)
        print("idle", flush=True)
        for count in range(1, packs + 1):
            await device.until(lambda count=count: len(device.playable()) >= count)  # type: ignore[misc]
        print("complete", flush=True)
        await device.until(lambda: device.playable().get("acme/pack-0", 0) > 1)
        print("changed", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def read_proc(pid: int, file: str, field: str) -> int:
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise RuntimeError(f"/proc/{pid}/{file} has no {field}")


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one publication took of the device: memory before, at most and after, and bytes written for each sent."""

    idle_kib: int
    peak_kib: int
    after_kib: int
    written: float
    sent_bytes: int

    @property
    def above_mib(self) -> float:
        return (self.peak_kib - self.idle_kib) / 1024

    @property
    def after_mib(self) -> float:
        return (self.after_kib - self.idle_kib) / 1024


async def arriving(process: asyncio.subprocess.Process, fleet: SmallFleet, address: BrokerAddress) -> Arrival:
    """Send what is signed, and watch the device until it says that it has it."""
    assert process.stdout is not None
    mirrored = await asyncio.to_thread(write_folder, fleet.fleet, silent)
    idle_kib = peak_kib = read_proc(process.pid, "status", "VmRSS")
    written = read_proc(process.pid, "io", "write_bytes")
    sending = asyncio.create_task(send(fleet.fleet, address, silent))
    done = asyncio.create_task(process.stdout.readline())
    while not done.done():
        peak_kib = max(peak_kib, read_proc(process.pid, "status", "VmRSS"))
        await asyncio.sleep(0.02)
    sent = await sending
    written = read_proc(process.pid, "io", "write_bytes") - written
    after_kib = read_proc(process.pid, "status", "VmRSS")
    received_bytes = sent.sent_bytes + (0 if mirrored is None else mirrored.written_bytes)
    return Arrival(idle_kib, peak_kib, after_kib, written / received_bytes, sent.sent_bytes)


async def measure(megabytes: int, packs: int, disk: Path | None, *, mirrored: bool) -> None:
    async with contextlib.AsyncExitStack() as stack:
        broker = stack.enter_context(Mosquitto())
        work = stack.enter_context(tempfile.TemporaryDirectory(dir=disk))
        fleet, address = SmallFleet(Path(work) / "operator"), BrokerAddress(broker.host, broker.port, ROOT)
        await send(fleet.fleet, address, silent)
        arguments = [
            str(broker.port),
            str(Path(work) / "tv"),
            str(fleet.root_json),
            str(packs),
            str(megabytes * 10**6),
            "",
            "",
        ]
        if mirrored:
            choose(fleet.fleet.directory, folder=Path(work) / "cdn", assets_on="mirror")
            mirror = Mirror(Path(work) / "cdn", Authority(Path(work) / "authority"))
            await stack.enter_async_context(mirror)
            arguments[-2:] = mirror.url, str(mirror.authority.ca_file)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __spec__.name, "child", *arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        assert await process.stdout.readline() == b"idle\n"
        length = megabytes * 10**6 // packs
        for number in range(packs):
            filling = random_bytes(length, f"memory {number}")
            await asyncio.to_thread(fleet.sign, f"pack-{number}", png(filling=filling))
        first = await arriving(process, fleet, address)
        filling = random_bytes(length, "memory 0")
        piece = slice(length // 3, length // 3 + length // 100)
        filling = filling[: piece.start] + random_bytes(length // 100, "new") + filling[piece.stop :]
        await asyncio.to_thread(fleet.sign, "pack-0", png(filling=filling))
        second = await arriving(process, fleet, address)
        process.stdin.write(b"\n")
        await process.wait()
        print(
            f"{megabytes} MB in {packs} packs: idle {first.idle_kib / 1024:.1f} MiB, at most {first.above_mib:.1f} "
            f"MiB above it, {first.after_mib:.1f} MiB afterwards; {first.written:.3f} bytes written for each received"
        )
        print(
            f"1 % of one changed: {100 * second.sent_bytes / length:.2f} % of it sent, "
            f"at most {second.above_mib:.1f} MiB above what was taken before"
        )


def main() -> None:
    if sys.argv[1:2] == ["child"]:
        port, directory, root_json, packs, budget_bytes, mirror, ca_file = sys.argv[2:]
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(
                child(int(port), Path(directory), Path(root_json), int(packs), int(budget_bytes), mirror, ca_file)
            )
        return
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--megabytes", type=int, default=200)
    arguments.add_argument("--packs", type=int, default=1)
    arguments.add_argument("--disk", type=Path)
    arguments.add_argument("--mirror", action="store_true")
    given = arguments.parse_args()
    asyncio.run(measure(given.megabytes, given.packs, given.disk, mirrored=given.mirror))


if __name__ == "__main__":
    main()
