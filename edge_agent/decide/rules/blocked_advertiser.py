"""The resident may keep an advertiser away, by its name or by any of its domains."""

from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate


def reject(candidate: Candidate, question: Question) -> str | None:
    """Reject an advertiser that the resident blocked. A blocked domain blocks its subdomains."""
    blocked = question.limits.blocked_advertisers
    if not blocked:
        return None
    campaign = candidate.pack.campaign
    if campaign.advertiser in blocked:
        return f"The resident has blocked the advertiser {campaign.advertiser}."
    for domain in campaign.adomain:
        labels = domain.lower().rstrip(".").split(".")
        for depth in range(len(labels)):
            parent = ".".join(labels[depth:])
            if parent in blocked:
                return f"The resident has blocked the advertiser {parent}."
    return None
