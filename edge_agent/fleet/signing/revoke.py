"""Takes a pack, one creative or everything of an advertiser from every device.

What the operator signs is signed no more. What an advertiser signs itself is withheld from it; that, a single
creative and a whole advertiser are named on a signed list, with a reason that a person can read on the device.
"""

from collections.abc import Iterable
from datetime import datetime

from edge_agent.fleet.signing.deny_list import allow, denied, deny
from edge_agent.fleet.signing.repository import FleetRepository
from edge_agent.fleet.signing.signed_packs import manifests
from edge_agent.model.errors import SettingsError
from edge_agent.packs.formats.manifest import pack_target_name, parse_target_name, shelf_name
from edge_agent.packs.trust.repository import ADVERTISER_ROLE

_CREATIVE_PARTS = 3


def revoke(fleet: FleetRepository, name: str, now: datetime, reason: str = "") -> str:
    """Revoke `ADVERTISER/PACK`, `PACK` where only one has that name, or `ADVERTISER/PACK/CRID`, and commit.

    A pack that its advertiser signs itself, and a creative, stay revoked until `lift_revocation`, whatever is signed
    meanwhile. Returns the full name. Raises SettingsError naming what there is when there is none, or more than one.
    """
    if name.count("/") == _CREATIVE_PARTS - 1:
        deny(fleet, _creative(fleet, name), now, reason)
        fleet.commit(now)
        return name
    target = _one_of((one for one in fleet.files if parse_target_name(one) is not None), name, "published")
    advertiser, _, own = shelf_name(target).partition("/")
    if fleet.authority.can_sign(f"{ADVERTISER_ROLE}{advertiser}"):
        fleet.remove(pack_target_name(advertiser, own))
    else:
        fleet.withhold(target)
        deny(fleet, shelf_name(target), now, reason)
    fleet.commit(now)
    return shelf_name(target)


def revoke_advertiser(fleet: FleetRepository, advertiser: str, now: datetime, reason: str = "") -> str:
    """Let nothing of that advertiser play until `lift_revocation`, and commit; it keeps its key. Returns its name."""
    if advertiser not in fleet.advertisers:
        there = ", ".join(fleet.advertisers)
        raise SettingsError(f"There is no advertiser {advertiser}.", f"There are: {there}." if there else "")
    deny(fleet, advertiser, now, reason)
    fleet.commit(now)
    return advertiser


def lift_revocation(fleet: FleetRepository, name: str, now: datetime) -> str:
    """Let what was revoked by name play again, and commit. Returns the full name."""
    listed = denied(fleet).revoked
    withheld = {shelf_name(target): target for target in fleet.revoked}
    found = name if name in listed else shelf_name(_one_of(fleet.revoked, name, "revoked"))
    if found in withheld:
        fleet.withhold(withheld[found], lift=True)
    allow(fleet, found)
    fleet.commit(now)
    return found


def _creative(fleet: FleetRepository, name: str) -> str:
    pack, _, crid = name.rpartition("/")
    for manifest in manifests(fleet):
        if manifest.shelf_name == pack:
            crids = [creative.crid for creative in manifest.campaign.creatives]
            if crid in crids:
                return name
            raise SettingsError(f"{pack} has no creative {crid}.", f"It has: {', '.join(crids)}.")
    raise SettingsError(f"{pack} is not published.", 'See "edge-agent fleet status".')


def _one_of(names: Iterable[str], pack: str, state: str) -> str:
    there = sorted(names)
    found = [name for name in there if pack in {shelf_name(name), shelf_name(name).partition("/")[2]}]
    if len(found) != 1:
        known = ", ".join(shelf_name(name) for name in found or there)
        problem = "is the name of more than one pack" if found else f"is not {state}"
        step = f"Choose one of: {known}." if known else "Nothing is."
        again = "" if found else " What was changed before and is not on the broker yet: edge-agent fleet refresh"
        raise SettingsError(f"{pack} {problem}.", step + again)
    return found[0]
