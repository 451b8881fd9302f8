"""The phrases that a fleet's devices listen for, as far as they were published."""

from collections.abc import Iterator

from edge_agent.fleet.publish import manifests
from edge_agent.fleet.repository import FleetRepository
from edge_agent.packs.manifest import parse_target_name
from edge_agent.packs.voice_pack import is_voice_pack
from edge_agent.settings.remote import parse_remote


def published_phrases(fleet: FleetRepository) -> Iterator[str]:
    """Yield the wake phrases of every published configuration and the answers in every published pack."""
    for name in sorted(fleet.files):
        if parse_target_name(name) is None and name.startswith("config/") and not is_voice_pack(name):
            yield from _wake_phrases(name, fleet.document(name))
    for manifest in manifests(fleet):
        for creative in manifest.campaign.creatives:
            for turn in creative.turns:
                yield from turn.answers


def _wake_phrases(name: str, content: bytes) -> Iterator[str]:
    if name == "config/report-key.json":
        return
    _, layer = parse_remote(name, content)
    yield from layer.get("voice", {}).get("wake_phrases", ())
