from pathlib import Path

import pytest

from edge_agent.link.credentials import Credentials, read_credentials, tls_context
from edge_agent.model.errors import LinkError


def test_the_first_line_is_user_and_password(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    path.write_bytes(b"tv-1:pa:ss w\xc3\xb6rd\r\nnever read\n")
    assert read_credentials(path) == Credentials("tv-1", "pa:ss wörd")


@pytest.mark.parametrize("content", [b"", b"\n", b"justauser", b":password", b"\xff\xfe:x"])
def test_a_file_without_both_is_refused_without_being_quoted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "credentials"
    path.write_bytes(content)
    with pytest.raises(LinkError, match="credentials file") as caught:
        read_credentials(path)
    assert "justauser" not in caught.value.for_person()


def test_a_missing_file_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="nowhere"):
        read_credentials(tmp_path / "nowhere")


def test_a_password_is_not_in_the_repr() -> None:
    assert "secret" not in repr(Credentials("tv-1", "secret"))


@pytest.mark.parametrize("content", [None, b"not a certificate"])
def test_an_unusable_authority_file_is_told_by_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LinkError, match=r"ca\.pem"):
        tls_context(path)
