"""Where a creative fits: the devices' own rules, asked before anything is published. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edge_agent.decide.question import Question, ask
from edge_agent.decide.rules import duration, mime, size
from edge_agent.fleet.authoring.finding import Finding, error, warning
from edge_agent.fleet.authoring.pack_folder import PackFolder
from edge_agent.model.campaign import Asset, Creative, LineItem
from edge_agent.model.catalog import Candidate, ShelvedPack
from edge_agent.model.device import Consent, DeviceState, History, ResidentLimits, Surroundings
from edge_agent.model.formats import FormatLimit
from edge_agent.model.moment import Moment, MomentKind, Slot
from edge_agent.settings.profile import DeviceProfile
from edge_agent.settings.rooms import PacksSettings

_RULES = (mime, size, duration)


@dataclass(frozen=True, slots=True)
class Fit:
    """One creative on one kind of device. `trouble` is why it would never be placed there, empty where it is."""

    profile: DeviceProfile
    limit: FormatLimit
    trouble: str


def fits(pack: PackFolder, creative: Creative, profiles: Sequence[DeviceProfile], now: datetime) -> list[Fit]:
    """Return the creative's fit on every device that it is for and that has its format."""
    candidate = _candidate(pack, creative)
    found = []
    for profile in _meant(pack, profiles):
        for limit in profile.formats:
            if limit.format is creative.format:
                question = _question(profile, limit, now)
                troubles = (rule.reject(candidate, question) for rule in _RULES)
                found.append(Fit(profile, limit, next((str(one) for one in troubles if one is not None), "")))
    return found


def check_fit(pack: PackFolder, profiles: Sequence[DeviceProfile], now: datetime) -> Iterator[Finding]:
    """Find creatives that no device, or not every device with their format, would place; and packs too big."""
    for creative in pack.campaign.creatives:
        found = fits(pack, creative, profiles, now)
        good = [fit for fit in found if not fit.trouble]
        if not found:
            yield error(
                "no_device",
                creative.crid,
                f"No device that the pack is for has the format {creative.format}.",
                "Choose another format or other kinds, or name the profile of your device with --profile.",
            )
        elif not good:
            yield error(
                "no_fit", creative.crid, f"No device would place it: {found[0].trouble}", "Make one that fits."
            )
        for fit in found if good else ():
            if fit.trouble:
                yield warning(
                    "some_fit",
                    creative.crid,
                    f"Not on {fit.profile.name}: {fit.trouble}",
                    "Add one for it if you like.",
                )
    yield from _check_room(pack, profiles)


def check_moments(pack: PackFolder, profiles: Sequence[DeviceProfile]) -> Iterator[Finding]:
    """Find what is booked for moments at which no device opens a slot of its format."""
    creatives = {creative.crid: creative for creative in pack.campaign.creatives}
    for item in pack.campaign.line_items:
        for crid in item.crids:
            creative = creatives[crid]
            having = [one for one in _meant(pack, profiles) if any(f.format is creative.format for f in one.formats)]
            if having and not any(_opens(profile, item, creative) for profile in having):
                kinds = sorted({r.kind for one in having for r in one.moments if r.format is creative.format})
                yield error(
                    "no_moment",
                    crid,
                    f"Line item {item.id} wants it at {', '.join(item.targeting.moments)}, "
                    "where no device opens a slot for it.",
                    f"Devices do at: {', '.join(kinds) or 'no moment'}.",
                )


def _opens(profile: DeviceProfile, item: LineItem, creative: Creative) -> bool:
    return any(
        rule.format is creative.format
        and rule.kind in item.targeting.moments
        and (not item.targeting.topics or not rule.topic or rule.topic in item.targeting.topics)
        for rule in profile.moments
    )


def _check_room(pack: PackFolder, profiles: Sequence[DeviceProfile]) -> Iterator[Finding]:
    total_bytes = sum(path.stat().st_size for path in pack.files.values())
    most = PacksSettings.model_fields["max_pack_bytes"].default
    if total_bytes > most:
        yield error(
            "too_large",
            "",
            f"Its files have {total_bytes} bytes; devices take {most} a pack.",
            "Make them smaller, or raise packs.max_pack_bytes on the devices.",
        )
    for profile in _meant(pack, profiles):
        if total_bytes > profile.budget_bytes:
            yield error(
                "no_room",
                "",
                f"Its files have {total_bytes} bytes; {profile.name} keeps {profile.budget_bytes} for all packs.",
                "Make them smaller, or leave that device out with kinds.",
            )


def _meant(pack: PackFolder, profiles: Sequence[DeviceProfile]) -> list[DeviceProfile]:
    return [profile for profile in profiles if not pack.kinds or profile.kind in pack.kinds]


def _candidate(pack: PackFolder, creative: Creative) -> Candidate:
    assets = {
        name: Asset(
            sha256="0" * 64, length=pack.files[name].stat().st_size, mime=one.mime, w=one.w, h=one.h, dur=one.dur
        )
        for name, one in pack.media.items()
    }
    paths: dict[str, Path] = dict(pack.files)
    shelved = ShelvedPack(pack.pack, 1, pack.campaign, assets, paths, complete=True)
    return Candidate(shelved, pack.campaign.line_items[0], creative)


def _question(profile: DeviceProfile, limit: FormatLimit, now: datetime) -> Question:
    moment = Moment(MomentKind.IDLE, now)
    slot = Slot("", limit.format, moment, now, limit.max_dur, limit.mime, limit.w, limit.h, profile.lang)
    surroundings = Surroundings(
        device=DeviceState(),
        consent=Consent(),
        limits=ResidentLimits(),
        policy=profile.policy,
        history=History(),
        formats=profile.formats,
        moments=profile.moments,
        zone=UTC,
    )
    return ask(slot, surroundings, now)
