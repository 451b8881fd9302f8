"""Small, valid samples of the vocabulary, for tests of everything above it. Each call makes a new one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from edge_agent.model.campaign import Asset, Campaign
from edge_agent.model.catalog import Catalog, ShelvedPack
from edge_agent.model.device import (
    Consent,
    DeviceState,
    History,
    MomentRule,
    PlacementPolicy,
    ResidentLimits,
    Surroundings,
)
from edge_agent.model.formats import Format, FormatLimit
from edge_agent.model.moment import MomentKind

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
FLIGHT = {"start": "2026-11-01T00:00:00Z", "end": "2026-12-01T00:00:00Z"}


def campaign(name: str = "rain", **changes: Any) -> Campaign:
    """A campaign with a mention after weather answers, its follow-up dialogue of two turns, and a boot screen."""
    document: dict[str, Any] = {
        "id": name,
        "advertiser": "puddle",
        "name": f"{name} boots",
        "adomain": ["puddle.example"],
        "cat": ["552"],
        "line_items": [
            {
                "id": "mentions",
                "crids": ["mention"],
                "flight": FLIGHT,
                "targeting": {"moments": ["assistant_answered"], "topics": ["weather"]},
            },
            {"id": "boots", "crids": ["boot"], "flight": FLIGHT, "targeting": {"moments": ["power_on"]}},
        ],
        "creatives": [
            {
                "crid": "mention",
                "format": "voice_mention",
                "dur": 4,
                "asset": "mention.wav",
                "transcript": "Dry boots, whatever the sky does.",
                "follow_up": "more",
            },
            {
                "crid": "more",
                "format": "voice_dialogue",
                "dur": 12,
                "transcript": "Shall I send a link to your phone?",
                "companion": "page",
                "turns": [
                    {
                        "id": "offer",
                        "say": "offer.wav",
                        "transcript": "Shall I send a link to your phone?",
                        "answers": {"yes": "sent", "no": "end"},
                    },
                    {"id": "sent", "say": "sent.wav", "transcript": "It is on its way."},
                ],
            },
            {
                "crid": "page",
                "format": "companion_page",
                "dur": 20,
                "asset": "page.png",
                "transcript": "Scan it with your phone.",
                "link": "https://puddle.example/boots",
            },
            {
                "crid": "boot",
                "format": "boot_screen",
                "dur": 5,
                "asset": "boot.png",
                "transcript": "Good morning.",
                "follow_up": "more",
            },
        ],
    }
    return Campaign.model_validate(document | changes)


def pack(name: str = "rain", *, complete: bool = True, version: int = 1, **changes: Any) -> ShelvedPack:
    """A shelved pack of `campaign(name)`; its assets have paths but no files."""
    made = campaign(name, **changes)
    files = {file for creative in made.creatives for file in creative.asset_names()}
    assets = {
        file: Asset(
            sha256="0" * 64,
            length=1000,
            mime="audio/wav" if file.endswith(".wav") else "image/png",
            w=0 if file.endswith(".wav") else 1920,
            h=0 if file.endswith(".wav") else 1080,
            dur=timedelta(seconds=4 if file.endswith(".wav") else 0),
        )
        for file in files
    }
    paths = {file: Path("/nowhere") / file for file in files} if complete else {}
    return ShelvedPack(f"packs/{made.advertiser}/{name}", version, made, assets, paths, complete)


def catalog(*names: str) -> Catalog:
    """A catalog of complete packs of these names (one called `rain` when none is named)."""
    return Catalog(tuple(pack(name) for name in names or ("rain",)))


def surroundings(**changes: Any) -> Surroundings:
    """A switched-on device that consents to everything, renders every sample, and has seen nothing yet."""
    return replace(
        Surroundings(
            device=DeviceState(),
            consent=Consent(placements=True, reports=True, at=NOON),
            limits=ResidentLimits(),
            policy=PlacementPolicy(),
            history=History(),
            formats=formats(),
            moments=moment_rules(),
            zone=UTC,
        ),
        **changes,
    )


def formats() -> tuple[FormatLimit, ...]:
    """What the sample device renders."""
    sound = ("audio/wav",)
    return (
        FormatLimit(format=Format.BOOT_SCREEN, mime=("image/png",), max_dur=timedelta(seconds=10), w=1920, h=1080),
        FormatLimit(format=Format.VOICE_MENTION, mime=sound, max_dur=timedelta(seconds=15)),
        FormatLimit(format=Format.VOICE_DIALOGUE, mime=sound, max_dur=timedelta(seconds=60)),
        FormatLimit(format=Format.COMPANION_PAGE, mime=("image/png",), max_dur=timedelta(seconds=30), w=1920, h=1080),
    )


def moment_rules() -> tuple[MomentRule, ...]:
    """Which moments open a slot on the sample device."""
    return (
        MomentRule(kind=MomentKind.POWER_ON, format=Format.BOOT_SCREEN),
        MomentRule(kind=MomentKind.ASSISTANT_ANSWERED, topic="weather", format=Format.VOICE_MENTION),
        MomentRule(kind=MomentKind.FOLLOW_UP, format=Format.VOICE_DIALOGUE),
    )
