"""What is on the shelf: verified packs, seen as candidates for a slot."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from edge_agent.model.campaign import Asset, Campaign, Creative, LineItem
from edge_agent.model.formats import Format
from edge_agent.model.wording import Said


@dataclass(frozen=True, slots=True)
class ShelvedPack:
    """One verified pack. `paths` holds the assets that are on disk, by name; `complete` means that all are.

    `revoked` says by crid, as one sentence, why the operator lets a creative play no more.
    """

    name: str
    version: int
    campaign: Campaign
    assets: Mapping[str, Asset]
    paths: Mapping[str, Path]
    complete: bool
    revoked: Mapping[str, Said] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One creative of one line item: what decisions choose between."""

    pack: ShelvedPack
    line_item: LineItem
    creative: Creative

    @property
    def campaign(self) -> Campaign:
        """The campaign that the line item belongs to."""
        return self.pack.campaign

    @property
    def asset(self) -> Asset | None:
        """The creative's main asset, if it has one."""
        name = self.creative.asset
        return None if name is None else self.pack.assets.get(name)


@dataclass(frozen=True)
class Catalog:
    """Every verified pack, complete or not. Immutable: a change is a new catalog."""

    packs: tuple[ShelvedPack, ...] = ()

    @cached_property
    def by_format(self) -> Mapping[Format, tuple[Candidate, ...]]:
        """Candidates by format, worked out once per catalog.

        A creative's follow-up and companion page are candidates of the same line item, since that is who booked it.
        """
        found: dict[Format, list[Candidate]] = {}
        for pack in self.packs:
            creatives = {creative.crid: creative for creative in pack.campaign.creatives}
            for item in pack.campaign.line_items:
                booked = dict.fromkeys(item.crids)
                booked.update(dict.fromkeys(filter(None, (creatives[crid].follow_up for crid in item.crids))))
                booked.update(dict.fromkeys(filter(None, [creatives[crid].companion for crid in booked])))
                for crid in booked:
                    found.setdefault(creatives[crid].format, []).append(Candidate(pack, item, creatives[crid]))
        return {fmt: tuple(candidates) for fmt, candidates in found.items()}

    def candidates(self, fmt: Format) -> tuple[Candidate, ...]:
        """Return every candidate of that format."""
        return self.by_format.get(fmt, ())

    def pack(self, name: str) -> ShelvedPack | None:
        """Return the pack of that name, if it is on the shelf."""
        return next((pack for pack in self.packs if pack.name == name), None)

    def lets_play(self, candidate: Candidate) -> bool:
        """Whether the candidate's pack, maybe a newer version of it, is on the shelf and its creative not revoked."""
        pack = self.pack(candidate.pack.name)
        return pack is not None and candidate.creative.crid not in pack.revoked
