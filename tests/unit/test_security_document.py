"""docs/security.md promises tests: each is there, and every attack that there is has its place in it."""

import re
from pathlib import Path

from tests.attacks import ATTACKS

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_test_that_it_names_exists() -> None:
    named = re.findall(r"`(tests/[a-z0-9_/]+\.py)::(\w+)`", DOCUMENT)
    assert len(named) > 30
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert missing == []


def test_every_attack_has_its_place_and_no_other_is_named() -> None:
    table = DOCUMENT.partition("| threat | attacks tried |")[2].partition("Others take more")[0]
    assert set(re.findall(r'"([^"]+)"', table)) == {attack.name for attack in ATTACKS}
