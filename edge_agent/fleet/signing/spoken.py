"""The phrases that a fleet's devices listen for, as far as they were published."""

from collections.abc import Iterator

from edge_agent.fleet.signing.config import is_configuration
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.signed_packs import manifests
from edge_agent.settings.remote import parse_remote


def published_phrases(fleet: FleetRepository) -> Iterator[str]:
    """Yield the wake phrases of every published configuration and the answers in every published pack."""
    for name in sorted(fleet.files):
        if is_configuration(name):
            _, layer = parse_remote(name, fleet.document(name))
            yield from layer.get("voice", {}).get("wake_phrases", ())
    for manifest in manifests(fleet):
        for creative in manifest.campaign.creatives:
            for turn in creative.turns:
                yield from turn.answers
