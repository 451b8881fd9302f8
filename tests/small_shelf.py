"""A shelf of three verified packs on disk, for tests that need something to place: one for each kind of device."""

import hashlib
import wave
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from edge_agent.model.campaign import Asset, Campaign
from edge_agent.model.catalog import Catalog, ShelvedPack

FLIGHT = {"start": datetime(2026, 1, 1, tzinfo=UTC), "end": datetime(2027, 1, 1, tzinfo=UTC)}

_POSTER = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}">
<defs><linearGradient id="a" x2="1" y2="1"><stop stop-color="{dark}"/><stop offset="1" stop-color="{light}"/>
</linearGradient></defs><rect width="100%" height="100%" fill="url(#a)"/>
<circle cx="{cx}" cy="{cy}" r="{r}" fill="{light}" opacity=".55"/>
<circle cx="{cx}" cy="{cy}" r="{r2}" fill="#fff" opacity=".25"/>
<text x="8%" y="46%" font-family="sans-serif" font-weight="600" font-size="{big}" fill="#fff">{title}</text>
<text x="8%" y="56%" font-family="sans-serif" font-size="{small}" fill="#fff" opacity=".85">{line}</text></svg>"""


def poster(title: str, line: str, w: int, h: int, dark: str, light: str) -> bytes:
    """Return a still as SVG."""
    side = min(w, h)
    sizes = {"big": side // 9, "small": side // 20, "r": side // 3, "r2": side // 5, "cx": w * 3 // 4, "cy": h // 4}
    return _POSTER.format(title=title, line=line, w=w, h=h, dark=dark, light=light, **sizes).encode()


def tone(path: Path, seconds: float = 0.2) -> None:
    """Write a short silent WAV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(2 * int(16000 * seconds)))


def small_shelf(folder: Path) -> Catalog:
    """Write the assets under `folder` and return the catalog of three complete packs."""
    tone(folder / "mention.wav")
    harbour = poster("Harbour Films", "Three nights by the sea, this Friday", 1920, 1080, "#16324f", "#3f88a5")
    larder = poster("The Slow Larder", "Peaches are in. So is summer.", 800, 1280, "#7a3b2e", "#e0a458")
    (folder / "harbour.svg").write_bytes(harbour)
    (folder / "larder.svg").write_bytes(larder)
    follow_up: dict[str, Any] = {
        "crid": "harbour-more",
        "format": "voice_dialogue",
        "dur": 12,
        "transcript": "Shall I tell you which films are on?",
        "turns": [
            {"id": "ask", "say": "mention.wav", "transcript": "Shall I tell you which?", "answers": {"yes": "end"}}
        ],
    }
    boot = {"crid": "harbour-boot", "format": "boot_screen", "dur": 8, "asset": "harbour.svg"}
    mention = {"crid": "umbra-rain", "format": "voice_mention", "dur": 6, "asset": "mention.wav"}
    idle = {"crid": "larder-peach", "format": "idle_poster", "dur": 20, "asset": "larder.svg"}
    return Catalog(
        (
            _pack(
                folder,
                "harbour",
                "Harbour Films",
                "power_on",
                {**boot, "transcript": "Three nights by the sea, this Friday.", "follow_up": "harbour-more"},
                follow_up,
                mime="image/svg+xml",
            ),
            _pack(
                folder,
                "umbra",
                "Umbra Umbrellas",
                "assistant_answered",
                {
                    **mention,
                    "transcript": "Rain at four. Umbra lends you an umbrella at the tram stop, free until Sunday.",
                },
                mime="audio/wav",
            ),
            _pack(
                folder,
                "larder",
                "The Slow Larder",
                "idle",
                {**idle, "transcript": "Peaches are in. So is summer."},
                mime="image/svg+xml",
            ),
        )
    )


def _pack(folder: Path, name: str, title: str, moment: str, *creatives: Mapping[str, Any], mime: str) -> ShelvedPack:
    campaign = Campaign.model_validate(
        {
            "id": name,
            "advertiser": name,
            "name": title,
            "adomain": [f"{name}.example"],
            "creatives": creatives,
            "line_items": [
                {
                    "id": "always",
                    "crids": [creatives[0]["crid"]],
                    "flight": FLIGHT,
                    "targeting": {"moments": [moment]},
                }
            ],
        }
    )
    names = {asset for creative in campaign.creatives for asset in creative.asset_names()}
    return ShelvedPack(
        name=f"{name}/summer",
        version=1,
        campaign=campaign,
        assets={asset: _asset(folder / asset, "audio/wav" if asset.endswith("wav") else mime) for asset in names},
        paths={asset: folder / asset for asset in names},
        complete=True,
    )


def _asset(path: Path, mime: str) -> Asset:
    content = path.read_bytes()
    dur = timedelta(seconds=6) if mime == "audio/wav" else timedelta(0)
    return Asset(sha256=hashlib.sha256(content).hexdigest(), length=len(content), mime=mime, dur=dur)
