"""Open, check and count sealed reports, in batches (logs what it refuses; otherwise pure over its store)."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from edge_agent.fleet.reports.key_pair import OpeningKey
from edge_agent.fleet.reports.store import ReportStore
from edge_agent.measure.sealer import open_sealed
from edge_agent.model.errors import EdgeAgentError, FormatError, UntrustedError
from edge_agent.model.report import ImpressionReport

_log = logging.getLogger(__name__)

LEAST_EPSILON: Final = 0.25
"""Below it one report weighs more than fifteen homes, so that a single forger could move the totals."""
OLDEST: Final = timedelta(days=120)
NEWEST: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of messages."""

    accepted: int = 0
    duplicates: int = 0
    refused: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        """Add two tallies."""
        return Tally(self.accepted + other.accepted, self.duplicates + other.duplicates, self.refused + other.refused)


class Opener:
    """Takes sealed messages and counts what is in them. `today` gives the collector's date.

    `read_keys` gives the keys that open them. It is asked again before anything is refused: the operator may give
    devices a new key meanwhile, and what is refused is lost.

    Anybody who has the public key can seal a report: this keeps out what cannot be one, and no more. The first
    refusal is logged; `tally` counts them all.
    """

    def __init__(
        self, store: ReportStore, read_keys: Callable[[], Sequence[OpeningKey]], today: Callable[[], date]
    ) -> None:
        self._store = store
        self._read_keys = read_keys
        self._keys: Sequence[OpeningKey] = ()
        self._today = today
        self.tally = Tally()

    def take(self, messages: Sequence[bytes]) -> Tally:
        """Count a batch, durably before this returns.

        Raises StorageError, and what `read_keys` raises; then nothing of it was counted.

        1. A key of this fleet opens it (`sealer.open_sealed`).
        2. Its day is neither older than 120 days nor more than two days ahead.
        3. Its epsilon is at least 0.25.
        4. The very same message was not counted before.
        """
        results = {message: self._result(message) for message in messages}
        refused = [message for message, result in results.items() if isinstance(result, EdgeAgentError)]
        if refused:
            self._keys = self._read_keys()
            results |= {message: self._result(message) for message in refused}
        opened: list[tuple[bytes, ImpressionReport]] = []
        for message in messages:
            result = results[message]
            if isinstance(result, ImpressionReport):
                opened.append((hashlib.sha256(message).digest(), result))
                continue
            if not self.tally.refused:
                _log.warning("Refused a message: %s Further ones are only counted.", result)
            self.tally += Tally(refused=1)
        new = self._store.add(opened)
        batch = Tally(new, len(opened) - new, len(messages) - len(opened))
        self.tally += Tally(batch.accepted, batch.duplicates)
        return batch

    def _result(self, message: bytes) -> ImpressionReport | EdgeAgentError:
        try:
            return self._open(message)
        except EdgeAgentError as error:
            return error

    def _open(self, message: bytes) -> ImpressionReport:
        report = self._try_keys(message)
        today = self._today()
        if not today - OLDEST <= report.day <= today + NEWEST:
            raise FormatError("A report is about a day that nobody reports on now.")
        if report.epsilon < LEAST_EPSILON:
            raise FormatError("A report carries more noise than any device of ours adds.")
        return report

    def _try_keys(self, message: bytes) -> ImpressionReport:
        refusal: EdgeAgentError = UntrustedError("There is no private report key.")
        for key in self._keys:
            try:
                return open_sealed(message, key.kem, key.key)
            except (UntrustedError, FormatError) as error:
                refusal = error
        raise refusal
