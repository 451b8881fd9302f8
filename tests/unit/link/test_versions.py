"""Which version of MQTT is tried, case by case."""

from edge_agent.link.versions import Version, VersionChoice

V5, V311 = Version.V5, Version.V311


def test_nothing_is_known_at_first_and_either_kind_of_refusal_leads_to_the_other_version() -> None:
    for named in (True, False):
        choice = VersionChoice("auto")
        assert choice.first is V5
        assert choice.after(V5, named=named) is V311
        assert choice.after(V311, named=named) is None


def test_what_worked_is_kept_and_said_once() -> None:
    choice = VersionChoice("auto")
    assert choice.worked(V311)
    assert choice.first is V311
    assert not choice.worked(V311)
    assert choice.after(V311, named=False) is None


def test_what_worked_first_is_no_news() -> None:
    choice = VersionChoice("auto")
    assert not choice.worked(V5)
    assert choice.after(V5, named=False) is None


def test_a_broker_that_names_the_version_is_believed_at_any_time_and_either_way() -> None:
    choice = VersionChoice("auto")
    choice.worked(V5)
    assert choice.after(V5, named=True) is V311
    choice.worked(V311)
    assert choice.after(V311, named=True) is V5


def test_a_person_who_chose_is_not_overruled() -> None:
    choice = VersionChoice("3.1.1")
    assert choice.first is V311
    assert choice.after(V311, named=True) is None
