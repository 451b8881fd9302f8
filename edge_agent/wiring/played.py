"""From the engine's memory of what was rendered to what the packs room asks of it (pure)."""

from edge_agent.model.shelf_room import Campaigned, Played
from edge_agent.plays import EngineState


def played_of(state: EngineState) -> Played:
    """Return what plays now and when each campaign was last shown, as far back as the engine remembers."""
    last = {(past.advertiser, past.campaign): past.at for past in state.surroundings.history.impressions}
    now: frozenset[Campaigned] = frozenset()
    if state.playing is not None:
        campaign = state.playing.candidate.campaign
        now = frozenset({(campaign.advertiser, campaign.id)})
    return Played(now, last)
