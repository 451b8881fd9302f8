"""What may be a mirror's address, and who may say so."""

import json

import pytest

from edge_agent.model.errors import SettingsError
from edge_agent.settings.mirror_url import check_mirror_url
from edge_agent.settings.remote import first_unfit, parse_remote


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        ("https://cdn.example", True),
        ("https://cdn.example:8443/fleet/one/", True),
        ("https://[2001:db8::1]:8443/fleet", True),
        ("http://cdn.example", False),
        ("https://user:secret@cdn.example", False),
        ("https://cdn.example/?key=1", False),
        ("https://cdn.example/#a", False),
        ("https://cdn.example/../a", False),
        ("https://cdn.example/%2e%2e/a", False),
        ("https://cdn.example:0", False),
        ("https://cdn.example:70000", False),
        ("https://cdn.example\\@evil.example", False),
        ("https://", False),
        ("https://cdn.example/" + "a" * 200, False),
        ("ftp://cdn.example", False),
        ("https://cdn.example/a\nb", False),
    ],
    ids=str,
)
def test_what_may_be_a_mirrors_address(url: str, is_one: bool) -> None:
    if is_one:
        assert check_mirror_url(url) == url.rstrip("/")
    else:
        with pytest.raises(ValueError, match=r"mirror|port|upwards"):
            check_mirror_url(url)


def test_mirrors_may_be_set_from_afar_and_their_authority_may_not() -> None:
    document = {"v": 1, "version": 1, "packs": {"mirrors": ["https://cdn.example/fleet/"]}}
    assert first_unfit(parse_remote("config/fleet.json", json.dumps(document).encode())[1]) is None
    wrong = {"packs": {"mirrors": ["http://cdn.example"]}}
    assert "cannot be a mirror" in (first_unfit(wrong) or "")
    many = {"packs": {"mirrors": [f"https://cdn.example/{at}" for at in range(4)]}}
    assert first_unfit(many) is not None
    with pytest.raises(SettingsError, match="mirror_ca_file cannot be set from afar"):
        parse_remote(
            "config/fleet.json", json.dumps({"v": 1, "version": 1, "packs": {"mirror_ca_file": "/a"}}).encode()
        )
