"""The voice packs that a fleet has published."""

from collections.abc import Iterator

from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.packs.formats.voice_pack import VoicePack, is_voice_pack, parse_voice_pack


def voice_packs(fleet: FleetRepository) -> Iterator[VoicePack]:
    """Yield every published voice pack, by name."""
    for name in sorted(fleet.files):
        if is_voice_pack(name):
            yield parse_voice_pack(fleet.document(name), name)
