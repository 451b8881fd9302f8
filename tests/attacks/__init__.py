"""What a hostile broker, network, advertiser or thief of keys can do to a repository.

Each attack begins where `acme/spring` version 1 plays and version 2 was published; a device must go on playing
version 1, let nothing unverified near the rest of the agent, and say once what is wrong.
"""

from tests.attacks.forger import Attack
from tests.attacks.on_contents import ON_CONTENTS
from tests.attacks.on_lists import ON_LISTS
from tests.attacks.on_roles import ON_ROLES

ATTACKS: tuple[Attack, ...] = (*ON_ROLES, *ON_CONTENTS, *ON_LISTS)

__all__ = ["ATTACKS", "Attack"]
