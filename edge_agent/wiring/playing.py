"""From the engine's state to what the packs room asks of it (pure)."""

from edge_agent.model.shelf_room import Playing
from edge_agent.plays import EngineState


def playing_in(state: EngineState) -> Playing:
    """Return the campaign of what plays now."""
    if state.playing is None:
        return frozenset()
    campaign = state.playing.candidate.campaign
    return frozenset({(campaign.advertiser, campaign.id)})
