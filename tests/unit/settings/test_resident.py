"""The resident's choices outlive everything but their own withdrawal."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.model.device import Consent, ResidentLimits
from edge_agent.model.errors import StorageError
from edge_agent.settings.resident import ResidentStore, read_resident


def test_consent_is_off_until_given(tmp_path: Path) -> None:
    assert ResidentStore(tmp_path / "agent.db").load() == (Consent(), ResidentLimits())


def test_a_choice_is_there_after_a_restart(tmp_path: Path) -> None:
    consent = Consent(placements=True, at=datetime(2026, 11, 21, tzinfo=UTC))
    limits = ResidentLimits(dismissed_campaigns=frozenset({"rain"}), max_per_day=2)
    store = ResidentStore(tmp_path / "agent.db")
    store.save(consent, limits)
    store.close()
    assert ResidentStore(tmp_path / "agent.db").load() == (consent, limits)


def test_a_damaged_database_means_no_consent_and_is_kept_aside(tmp_path: Path) -> None:
    database = tmp_path / "agent.db"
    database.write_bytes(b"this is no database" * 100)
    assert ResidentStore(database).load() == (Consent(), ResidentLimits())
    assert (tmp_path / "agent.db.damaged").read_bytes().startswith(b"this is no database")


@pytest.mark.parametrize("column", ["consent", "limits"])
@pytest.mark.parametrize(
    "cell",
    ['\'{"placements": "perhaps"}\'', "'{\"placements\": tr'", "CAST(x'7bff7d' AS TEXT)", "''"],
    ids=["perhaps", "half", "no-utf-8", "empty"],
)
def test_an_unreadable_row_means_no_consent_and_is_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, column: str, cell: str
) -> None:
    database = tmp_path / "agent.db"
    store = ResidentStore(database)
    store.save(Consent(placements=True), ResidentLimits(max_per_day=2))
    store._connection.execute(f"UPDATE resident SET {column} = {cell}")  # noqa: S608  from above
    assert store.load() == (Consent(), ResidentLimits())
    (told,) = [record.getMessage() for record in caplog.records]
    assert f"table resident in {database}" in told
    assert read_resident(database) == (Consent(), ResidentLimits())
    store.close()


@pytest.mark.parametrize(
    ("deed", "what"),
    [
        (lambda store: store.save(Consent(placements=True), ResidentLimits()), "written"),
        (lambda store: store.save_muted(on=True), "written"),
        (lambda store: store.save_muted(on=False), "written"),
        (lambda store: store.load(), "read"),
        (lambda store: store.is_muted(), "read"),
    ],
    ids=["save", "mute", "unmute", "load", "is-muted"],
)
def test_damage_that_is_met_while_it_runs_is_a_storage_error(
    tmp_path: Path, deed: Callable[[ResidentStore], object], what: str
) -> None:
    database = tmp_path / "agent.db"
    ResidentStore(database).close()
    content = database.read_bytes()
    database.write_bytes(
        content[:4096] + b"\xa5" * (len(content) - 4096)
    )  # all pages but the first, which is the schema
    store = ResidentStore(database)
    with pytest.raises(StorageError, match=f"cannot be {what}: database disk image is malformed") as caught:
        deed(store)
    assert ("the choice holds until then" in caught.value.next_step) == (what == "written")
    store.close()
