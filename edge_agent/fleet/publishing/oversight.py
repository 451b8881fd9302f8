"""What a broker holds of a fleet, and what the devices on it say of themselves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge_agent.fleet.publishing.broker import BrokerAddress, connected, device_states
from edge_agent.fleet.publishing.send import current_messages, respect_history
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.link.reported_state import ReportedState
from edge_agent.model.errors import LinkError, SettingsError
from edge_agent.packs.source import MAX_METADATA_BYTES, chunk_topic, metadata_topic

_TIMESTAMP = metadata_topic("timestamp")


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """One device's own words; `state` is None where they cannot be read.

    `behind` counts how often was published since what it has; None when it does not say, as one that is off.
    """

    device_id: str
    state: ReportedState | None
    behind: int | None


@dataclass(frozen=True, slots=True)
class Oversight:
    """`is_current` says whether the broker's newest timestamp is the folder's; `missing` are topics that it lost.

    `parts_seen` is how many were looked at; chunks are among them only where that was asked for. `problem` is one
    sentence when what the broker holds is not this fleet's own.
    """

    broker: str
    is_current: bool
    problem: str
    parts_seen: int
    missing: tuple[str, ...]
    devices: tuple[DeviceReport, ...]


async def look(
    fleet: FleetRepository,
    address: BrokerAddress,
    on_seen: Callable[[str, int, int], None],
    *,
    chunks: bool,
    named: Sequence[str] = (),
) -> Oversight:
    """Look at the broker; at all devices on it, or at those that are `named`. Raises LinkError."""
    wanted = [topic for topic in current_messages(fleet) if chunks or not topic.startswith(chunk_topic(""))]
    async with connected(address) as broker:
        there = await broker.look(_TIMESTAMP, MAX_METADATA_BYTES)
        problem = "" if there is not None else "The broker holds nothing of this fleet."
        missing: list[str] = []
        if there is not None:
            try:
                await respect_history(fleet, broker, there)
            except SettingsError as error:
                problem = error.for_person()
            else:
                missing = await broker.absent(
                    wanted, MAX_METADATA_BYTES, lambda seen: on_seen("looking", seen, len(wanted))
                )
    states = await device_states(address, named)
    devices = tuple(_report(name, content, fleet.timestamp.version) for name, content in sorted(states.items()))
    return Oversight(
        str(address), there == fleet.metadata("timestamp"), problem, len(wanted), tuple(missing), devices
    )


def _report(device_id: str, content: bytes, version: int) -> DeviceReport:
    try:
        state = ReportedState.from_payload(content)
    except LinkError:
        return DeviceReport(device_id, None, None)
    has = state.repository_version
    return DeviceReport(device_id, state, None if has is None else max(0, version - has))
