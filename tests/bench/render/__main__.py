"""How long a placement takes to appear and to go, through the shipped virtual TV and through hooks that resist.

Run `python -m tests.bench.render [--rounds N] [--json]`. Nothing here passes or fails: it prints what it measured.

*shown* is from `start()` to the hook's impression; *gone* from `close()` to the final event, which comes when the
hook and all it started have ended. The stubborn hook ignores SIGTERM, so it is gone only when it is killed.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from edge_agent.model.identity import PlayId
from edge_agent.model.play import CloseCause, PlayEventKind
from edge_agent.settings.rooms import RenderSettings
from tests.rendering import Room, make_play, make_settings, profile_settings, write_hook

STUBBORN = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
say("loaded"); say("impression")
while True: signal.pause()
"""


async def measure(settings: RenderSettings, asset: Path, rounds: int) -> dict[str, list[float]]:
    """Return seconds of each round."""
    room = Room(settings)
    taken: dict[str, list[float]] = {"shown": [], "gone": []}
    for number in range(rounds):
        began = perf_counter()
        room.renderer.start(make_play(asset, play_id=f"play-{number}", dur_s=60, max_dur_s=60))
        await room.until(PlayEventKind.IMPRESSION)
        taken["shown"].append(perf_counter() - began)
        began = perf_counter()
        room.renderer.close(PlayId(f"play-{number}"), CloseCause.PRESS)
        await room.until(PlayEventKind.CLOSE)
        taken["gone"].append(perf_counter() - began)
        await room.renderer.settled()
    return taken


async def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=50)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        asset = place / "poster.png"
        asset.write_bytes(bytes(500_000))
        stubborn = make_settings(place, show=write_hook(place / "hooks", "stubborn.py", STUBBORN))
        for name, settings, rounds in [
            ("virtual TV", profile_settings("virtual-tv", place), chosen.rounds),
            ("stubborn hook", stubborn, max(3, chosen.rounds // 5)),
        ]:
            for what, seconds in (await measure(settings, asset, rounds)).items():
                middle, worst = statistics.median(seconds), max(seconds)
                rows.append(
                    {"hook": name, "what": what, "rounds": rounds, "median_ms": middle * 1e3, "worst_ms": worst * 1e3}
                )
    if chosen.json:
        json.dump(rows, sys.stdout)
        return
    print(f"{'hook':<16}{'what':<8}{'rounds':>8}{'median ms':>12}{'worst ms':>12}")
    for row in rows:
        print("{hook:<16}{what:<8}{rounds:>8}{median_ms:>12.0f}{worst_ms:>12.0f}".format(**row))


if __name__ == "__main__":
    asyncio.run(main())
