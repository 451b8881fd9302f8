"""Takes a pack from every device: the name is no longer signed, and what is not signed leaves the shelf at once."""

from datetime import datetime

from edge_agent.fleet.repository import FleetRepository
from edge_agent.model.errors import SettingsError
from edge_agent.packs.manifest import pack_target_name, parse_target_name, shelf_name


def revoke_pack(fleet: FleetRepository, pack: str, now: datetime) -> str:
    """Stop signing `pack` (`<advertiser>/<pack>`, or the pack's name alone where one has it) and commit.

    Returns its full name. Raises SettingsError naming what there is when there is none, or more than one.
    """
    published = sorted(name for name in fleet.files if parse_target_name(name) is not None)
    found = [name for name in published if pack in {shelf_name(name), shelf_name(name).partition("/")[2]}]
    if len(found) != 1:
        there = ", ".join(shelf_name(name) for name in found or published)
        problem = "is the name of more than one pack" if found else "is not published"
        raise SettingsError(f"{pack} {problem}.", f"Choose one of: {there}." if there else "Nothing is.")
    advertiser, _, name = shelf_name(found[0]).partition("/")
    fleet.remove(pack_target_name(advertiser, name))
    fleet.commit(now)
    return shelf_name(found[0])
