"""Shell: sent.json, what each broker was given of a fleet."""

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from edge_agent.fleet.durable import write_durably
from edge_agent.fleet.publishing.broker import BrokerAddress

_NAME: Final = "sent.json"
_REMEMBER_EVERY: Final = 64


class _Given(BaseModel):
    """What one broker was given: topics that hold what they always will, and the hash of the newest timestamp."""

    model_config = ConfigDict(extra="ignore")

    timestamp: str = ""
    topics: list[str] = []


_GIVEN: Final = TypeAdapter(dict[str, _Given])


def _read(path: Path) -> dict[str, _Given]:
    try:
        return _GIVEN.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return {}


class Ledger:
    """The `topics` and the hash of the `timestamp` that one broker was given. Losing it costs sending everything."""

    def __init__(self, fleet_dir: Path, address: BrokerAddress) -> None:
        self._path = fleet_dir / _NAME
        self._broker = f"{address}/{address.root}"
        self._unsaved = 0
        mine = _read(self._path).get(self._broker, _Given())
        self.timestamp = mine.timestamp
        self.topics = dict.fromkeys(mine.topics)

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
        write_durably(self._path, _GIVEN.dump_json(_read(self._path) | {self._broker: mine}, indent=1))
        self._unsaved = 0


def forget_sent(fleet_dir: Path, topic: str) -> None:
    """Have every broker given `topic` once more: it will hold something else."""
    path = fleet_dir / _NAME
    everything = _read(path)
    for given in everything.values():
        given.topics = [other for other in given.topics if other != topic]
    if everything:
        write_durably(path, _GIVEN.dump_json(everything, indent=1))
