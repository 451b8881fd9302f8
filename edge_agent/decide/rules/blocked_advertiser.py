"""The resident may keep an advertiser away, by its name or by any of its domains."""

from typing import Final

from edge_agent.decide.question import Question
from edge_agent.model.catalog import Candidate
from edge_agent.model.wording import Said, Wording

_BLOCKED: Final = Wording("blocked_advertiser", "The resident has blocked the advertiser {advertiser}.")


def reject(candidate: Candidate, question: Question) -> Said | None:
    """Reject an advertiser that the resident blocked. A blocked domain blocks its subdomains.

    How it was typed does not matter: neither capitals nor, since "acme.example." is the same name in the DNS, a dot
    at the end.
    """
    if not question.limits.blocked_advertisers:
        return None
    blocked = {_plain(entry) for entry in question.limits.blocked_advertisers}
    campaign = candidate.pack.campaign
    if _plain(campaign.advertiser) in blocked:
        return _BLOCKED(advertiser=campaign.advertiser)
    for domain in campaign.adomain:
        labels = _plain(domain).split(".")
        for depth in range(len(labels)):
            parent = ".".join(labels[depth:])
            if parent in blocked:
                return _BLOCKED(advertiser=parent)
    return None


def _plain(name: str) -> str:
    return name.strip().casefold().rstrip(".")
