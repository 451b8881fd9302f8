"""The resident may keep an advertiser away, by its name or by any of its domains."""

from typing import Final

from edge_agent.decide.question import Question, plain_name
from edge_agent.model.catalog import Candidate
from edge_agent.model.wording import Said, Wording

_BLOCKED: Final = Wording("blocked_advertiser", "The resident has blocked the advertiser {advertiser}.")


def reject(candidate: Candidate, question: Question) -> Said | None:
    """Reject an advertiser that the resident blocked, however it is written. A domain blocks its subdomains."""
    blocked = question.blocked_advertisers
    if not blocked:
        return None
    campaign = candidate.pack.campaign
    if plain_name(campaign.advertiser) in blocked:
        return _BLOCKED(advertiser=campaign.advertiser)
    for domain in campaign.adomain:
        labels = plain_name(domain).split(".")
        for depth in range(len(labels)):
            parent = ".".join(labels[depth:])
            if parent in blocked:
                return _BLOCKED(advertiser=parent)
    return None
