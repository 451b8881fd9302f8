"""docs/security.md promises tests (`test_documents` holds that each is there); every attack has its place in it."""

import re
from pathlib import Path

from tests.attacks import ATTACKS

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_attack_has_its_place_and_no_other_is_named() -> None:
    table = DOCUMENT.partition("| threat | attacks tried |")[2].partition("Others take more")[0]
    assert set(re.findall(r'"([^"]+)"', table)) == {attack.name for attack in ATTACKS}
