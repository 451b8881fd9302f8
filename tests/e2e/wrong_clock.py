"""Runs the agent on a machine whose clock is wrong by the seconds in a file: `wrong_clock.py CONFIG OFFSET_FILE`."""

import asyncio
import logging
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge_agent.app import run_agent
from edge_agent.clock import SystemClock


class WrongClock(SystemClock):
    """The machine's clock, wrong by what is written in a file."""

    def __init__(self, offset: Path) -> None:
        self._offset = offset

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(self._offset.read_text("utf-8")))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    asyncio.run(run_agent(Path(sys.argv[1]), WrongClock(Path(sys.argv[2]))))
