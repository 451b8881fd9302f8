"""Running `edge-agent` as a person does: a process of its own, what it printed, and its exit code."""

import asyncio
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_AS_SOMEBODY = """
# Everything is imported first: that user may not be allowed to read the interpreter's own files.
import importlib, os, sys
import edge_agent.cli
for name in (
    "cli.check", "cli.consent", "cli.agent_socket", "settings.resident", "measure.journal", "debug.serving",
    "link.credentials", "link.trying", "packs.fetching.mirrored", "render.hook_process", "voice.check",
    "voice.source_microphone", "voice.sources", "voice.wyoming.door", "voice.wyoming.server",
    "voice.wyoming.source",
):
    importlib.import_module(f"edge_agent.{name}")
import encodings.idna, pwd, shutil, rich.console, rich.table, zoneinfo
zoneinfo.ZoneInfo("UTC")
edge_agent.settings.layers.load_profile("virtual-fridge")
os.setgroups([])
os.setgid(int(sys.argv[1]))
os.setuid(int(sys.argv.pop(1)))
edge_agent.cli.main()
"""


def edge_agent(*words: str | Path, user: int | None = None) -> "subprocess.CompletedProcess[str]":
    """Run the command; `user` runs it as that user, which takes root."""
    start = ("-m", "edge_agent") if user is None else ("-c", _AS_SOMEBODY, str(user))
    return subprocess.run(
        [sys.executable, *start, *map(str, words)], capture_output=True, text=True, timeout=60, check=False
    )


@dataclass(frozen=True)
class Done:
    """What a command came to that ran beside the test's own event loop."""

    code: int
    out: str
    err: str


async def edge_agent_beside(*words: str) -> Done:
    """Run the command while this event loop goes on, which serves what the command asks."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "edge_agent", *words)
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


def write_config(folder: Path, more: str = "") -> Path:
    """Write an agent.toml for a virtual fridge, and return its path."""
    path = folder / "agent.toml"
    path.write_text(f'profile = "virtual-fridge"\ndevice_id = "fridge"\n{more}', encoding="utf-8")
    return path
