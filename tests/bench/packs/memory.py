"""What a packs room of its own process needs while 200 MB of packs arrive: memory, and bytes written to the disk.

    python -m tests.bench.packs.memory [--megabytes 200] [--packs 4] [--disk DIRECTORY]

A child process runs the session and the packs room as the agent does, with the operator's settings raised to take it
all. Resident memory (VmRSS) is read every 20 ms, from connected and idle with an empty shelf until every pack is
complete; bytes written are the kernel's account of the child (write_bytes of /proc/PID/io; 0 where `--disk` is not
really on a disk). One pack cannot be 200 MB: its manifest of at most 128 KiB lists 1,400 chunks, about 90 MB.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
from pathlib import Path

from edge_agent.fleet.broker import BrokerAddress
from edge_agent.fleet.publish import send
from edge_agent.link.session import Link
from edge_agent.settings.rooms import LinkSettings
from edge_agent.wiring.retained_repository import RetainedRepository
from tests.brokers import Mosquitto
from tests.fleets import Device, SmallFleet, png, random_bytes, silent

ROOT = "edge"


async def child(port: int, directory: Path, root_json: Path, packs: int, budget_bytes: int) -> None:
    link = Link(LinkSettings(device_id="bench", port=port, root=ROOT))
    device = Device(
        directory,
        root_json,
        RetainedRepository(link, ROOT),
        budget_bytes=2 * budget_bytes,
        max_pack_bytes=budget_bytes,
    )
    running = asyncio.create_task(link.run())
    async with device:
        await device.until(lambda: device.shelf.status().version > 0)
        print("idle", flush=True)
        for count in range(1, packs + 1):
            await device.until(lambda count=count: len(device.playable()) >= count)  # type: ignore[misc]
        print("complete", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def read_proc(pid: int, file: str, field: str) -> int:
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise RuntimeError(f"/proc/{pid}/{file} has no {field}")


async def measure(megabytes: int, packs: int, disk: Path | None) -> None:
    with Mosquitto() as broker, tempfile.TemporaryDirectory(dir=disk) as work:
        fleet, address = SmallFleet(Path(work) / "operator"), BrokerAddress(broker.host, broker.port, ROOT)
        await send(fleet.fleet, address, silent)
        arguments = [
            str(broker.port),
            str(Path(work) / "tv"),
            str(fleet.root_json),
            str(packs),
            str(megabytes * 10**6),
        ]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __spec__.name, "child", *arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        assert await process.stdout.readline() == b"idle\n"
        for number in range(packs):
            filling = random_bytes(megabytes * 10**6 // packs, f"memory {number}")
            await asyncio.to_thread(fleet.sign, f"pack-{number}", png(filling=filling))
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
        process.stdin.write(b"\n")
        await process.wait()
        print(
            f"{megabytes} MB in {packs} packs: idle {idle_kib / 1024:.1f} MiB, at most "
            f"{(peak_kib - idle_kib) / 1024:.1f} MiB above it, {(after_kib - idle_kib) / 1024:.1f} MiB afterwards; "
            f"{written / sent.sent_bytes:.3f} bytes written for each received"
        )


def main() -> None:
    if sys.argv[1:2] == ["child"]:
        port, directory, root_json, packs, budget_bytes = sys.argv[2:]
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(child(int(port), Path(directory), Path(root_json), int(packs), int(budget_bytes)))
        return
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--megabytes", type=int, default=200)
    arguments.add_argument("--packs", type=int, default=4)
    arguments.add_argument("--disk", type=Path)
    given = arguments.parse_args()
    asyncio.run(measure(given.megabytes, given.packs, given.disk))


if __name__ == "__main__":
    main()
