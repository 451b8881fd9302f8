"""Shell: sent.json, what each broker was given of a fleet."""

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from edge_agent.fleet.broker import BrokerAddress
from edge_agent.fleet.durable import write_durably

_REMEMBER_EVERY: Final = 64


class _Given(BaseModel):
    """What one broker was given: topics that hold what they always will, and the hash of the newest timestamp."""

    model_config = ConfigDict(extra="ignore")

    timestamp: str = ""
    topics: list[str] = []


_GIVEN: Final = TypeAdapter(dict[str, _Given])


class Ledger:
    """The `topics` and the hash of the `timestamp` that one broker was given. Losing it costs sending everything."""

    def __init__(self, fleet_dir: Path, address: BrokerAddress) -> None:
        self._path = fleet_dir / "sent.json"
        self._broker = f"{address}/{address.root}"
        self._unsaved = 0
        mine = self._read().get(self._broker, _Given())
        self.timestamp = mine.timestamp
        self.topics = dict.fromkeys(mine.topics)

    def _read(self) -> dict[str, _Given]:
        try:
            return _GIVEN.validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return {}

    def add(self, topic: str) -> None:
        """Remember that the broker has it; now and then on the disk."""
        self.topics[topic] = None
        self._unsaved += 1
        if self._unsaved >= _REMEMBER_EVERY:
            self.save()

    def drop(self, topic: str) -> None:
        """Forget that the broker has it."""
        self.topics.pop(topic, None)

    def save(self) -> None:
        """Write the file."""
        mine = _Given(timestamp=self.timestamp, topics=list(self.topics))
        write_durably(self._path, _GIVEN.dump_json(self._read() | {self._broker: mine}, indent=1))
        self._unsaved = 0
