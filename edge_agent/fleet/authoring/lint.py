"""Checks a pack for what would fail on devices, before anything is signed. Pure over what was read.

Measuring sounds and pictures is in `measurements`; the devices' own rules are asked in `fit`.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Final

from edge_agent.fleet.authoring.finding import Finding, Level, error, warning
from edge_agent.fleet.authoring.fit import check_fit, check_moments
from edge_agent.fleet.authoring.lint_words import Hearing, check_words
from edge_agent.fleet.authoring.media import Wave, inspect_media, inspect_wave
from edge_agent.fleet.authoring.pack_folder import PackFolder, read_pack_folder
from edge_agent.model.campaign import FrequencyCap, LineItem, Pacing
from edge_agent.model.errors import FormatError
from edge_agent.packs.formats.documents import MAX_DOCUMENT_BYTES, validate
from edge_agent.packs.formats.manifest import Manifest
from edge_agent.settings.profile import DeviceProfile
from edge_agent.settings.rooms import PacksSettings

_DOMAIN: Final = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_RESERVED: Final = (".example", ".invalid", ".test", ".localhost")
"""RFC 2606 and RFC 6761: names that nobody has."""

_CATEGORY: Final = re.compile(r"[A-Z0-9]{1,8}(-[A-Z0-9]{1,8})*")
_SUFFIXES: Final = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".wav": "audio/wav",
}
_PCM: Final = 1
_SELDOM_PLAYED: Final = frozenset({3, 0xFFFE})
"""Format tags of floating point, and of what says elsewhere what it is (mmreg.h)."""
_LOOK_EVERY: Final = PacksSettings.model_fields["refresh_every"].default


def lint(
    folder: Path, profiles: Sequence[DeviceProfile], now: datetime, hearing: Hearing
) -> tuple[PackFolder | None, list[Finding]]:
    """Return the pack, unless it cannot be read at all, and what was found in it, the errors first."""
    try:
        pack = read_pack_folder(folder, now)
    except FormatError as wrong:
        return None, [error("format", "", str(wrong), wrong.next_step or "See edge-agent docs packs.")]
    found = [
        *check_fit(pack, profiles, now),
        *check_moments(pack, profiles),
        *_check_limits(pack),
        *_check_booking(pack),
        *(finding for item in pack.campaign.line_items for finding in _check_line_item(item, now)),
        *(finding for creative in pack.campaign.creatives for finding in check_words(creative, hearing)),
        *_check_files(pack),
        *_check_advertiser(pack),
    ]
    return pack, in_order(found)


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Return the errors first, each level as it was found."""
    return sorted(findings, key=lambda finding: finding.level is not Level.ERROR)


def _check_limits(pack: PackFolder) -> Iterator[Finding]:
    """Find what no manifest has room for. Lists of chunks have some beside it, so that each asset counts as one."""
    chunk = {"sha256": "0" * 64, "length": 1}
    assets = {name: chunk | {"mime": media.mime, "chunks": [chunk]} for name, media in pack.media.items()}
    value = {"name": pack.pack, "version": 1, "kinds": pack.kinds, "campaign": pack.campaign, "assets": assets}
    split = "Split it into two packs."
    try:
        length = len(validate(Manifest, value, "The pack").to_bytes())
    except FormatError as wrong:
        yield error("limits", "", f"{wrong}.", split)
    else:
        if length > MAX_DOCUMENT_BYTES:
            yield error("limits", "", f"Its manifest has {length} bytes; at most {MAX_DOCUMENT_BYTES} travel.", split)


def _check_booking(pack: PackFolder) -> Iterator[Finding]:
    booked = {crid for item in pack.campaign.line_items for crid in item.crids}
    by_crid = {creative.crid: creative for creative in pack.campaign.creatives}
    for crid in list(booked):
        booked |= {other for other in (by_crid[crid].follow_up, by_crid[crid].companion) if other is not None}
    booked |= {by_crid[crid].companion or crid for crid in booked}
    for crid in sorted(by_crid.keys() - booked):
        yield warning("never_placed", crid, "Nothing leads to it.", "Name it in a line item's crids, or remove it.")


def _check_line_item(item: LineItem, now: datetime) -> Iterator[Finding]:
    flight, where = item.flight, f"line item {item.id}"
    if flight.end <= now:
        yield error("flight_over", where, f"Its flight ended on {flight.end:%Y-%m-%d}.", "Give it a later end.")
    elif flight.end - max(flight.start, now) < _LOOK_EVERY:
        hours = _LOOK_EVERY / timedelta(hours=1)
        yield warning(
            "flight_short",
            where,
            f"Its flight is shorter than the {hours:g} hours in which every device has looked for packs.",
            "Give it more time, or publish it well before it starts.",
        )
    for one, other in combinations(sorted(item.caps, key=lambda cap: cap.per), 2):
        yield from _check_caps(where, one, other)
    if item.pacing is Pacing.EVEN and item.goal is not None:
        for cap in item.caps:
            most = cap.count * max(1, -(-(flight.end - flight.start) // cap.per))
            if most < item.goal:
                yield warning(
                    "cap_below_goal",
                    where,
                    f"Its caps allow {most} impressions in its flight, and its goal is {item.goal}.",
                    "Raise the cap or lower the goal.",
                )


def _check_caps(where: str, short: FrequencyCap, long: FrequencyCap) -> Iterator[Finding]:
    if short.scope is not long.scope:
        return
    if short.per == long.per:
        yield error(
            "caps_contradict",
            where,
            f"It has two caps for the same {short.per.total_seconds():g} seconds.",
            "Keep one.",
        )
    elif long.count <= short.count:
        yield warning(
            "cap_idle",
            where,
            f"{short.count} in {short.per.total_seconds():g} s never counts beside {long.count} in "
            f"{long.per.total_seconds():g} s.",
            "Remove the one for the shorter time, or allow more in the longer.",
        )


def _check_files(pack: PackFolder) -> Iterator[Finding]:
    for name, path in pack.files.items():
        stated = pack.media[name]
        expected = _SUFFIXES.get(path.suffix.lower())
        if expected is not None and expected != stated.mime:
            yield warning(
                "suffix", name, f"It is {stated.mime}, not what its name says.", "Rename it, or export it again."
            )
        content = path.read_bytes()
        try:
            real = inspect_media(name, content)
        except FormatError:
            continue  # not a kind that can be read here; the pack states what it is
        if real.mime == "audio/wav":
            yield from _check_wave(name, inspect_wave(content))
        if real.mime != stated.mime:
            yield error(
                "type", name, f"The pack states {stated.mime}, and it is {real.mime}.", "Correct assets in it."
            )
        elif (real.w, real.h) != (stated.w, stated.h):
            yield error("size", name, f"It is {real.w} by {real.h}, and not what the pack states.", "Correct it.")
    for creative in pack.campaign.creatives:
        longest = max((pack.media[name].dur for name in creative.asset_names()), default=timedelta(0))
        if longest > creative.dur:
            yield warning(
                "cut_short",
                creative.crid,
                f"Its sound lasts {longest.total_seconds():g} s, and its dur is {creative.dur.total_seconds():g}.",
                "Leave dur out, so that it follows from the sound.",
            )


def _check_wave(name: str, wave: Wave) -> Iterator[Finding]:
    fix = "Export it as a WAV file of 16-bit PCM."
    if wave.encoding in _SELDOM_PLAYED:
        yield warning("encoding", name, "It is not plain PCM, and not every device plays it.", fix)
    elif wave.encoding != _PCM:
        yield error("encoding", name, f"It is compressed (format {wave.encoding}), and devices do not play it.", fix)
    if wave.missing_bytes:
        missing_s = wave.missing_bytes / wave.bytes_per_second
        yield warning("cut_off", name, f"Its last {missing_s:.1f} s are missing.", "Export the file again.")


def _check_advertiser(pack: PackFolder) -> Iterator[Finding]:
    for domain in pack.campaign.adomain:
        if _DOMAIN.fullmatch(domain) is None:
            yield error(
                "adomain", "", f'"{domain[:80]}" is not a domain name.', "Write it like acme.com, without https."
            )
        elif domain.endswith(_RESERVED):
            yield warning(
                "adomain_reserved", "", f"{domain} is a name that nobody has.", "Write the advertiser's own."
            )
    if not pack.campaign.cat:
        yield warning(
            "no_category",
            "",
            "It names no category, so that residents who block one cannot block it.",
            'Add cat, for instance ["210"] (IAB Content Taxonomy 3.0).',
        )
    for code in pack.campaign.cat:
        if code.startswith("IAB"):
            yield error("category", "", f"{code} is a code of Content Taxonomy 1.0.", "Write the 3.0 code.")
        elif _CATEGORY.fullmatch(code) is None:
            yield error(
                "category", "", f'"{code[:40]}" is no code of a category.', 'Write one like "210" or "JLBCU7".'
            )
