"""`edge-agent consent`: the resident's own switch, on the device.

A running agent is told, and answers with what holds; where none runs, the database is written for its next start.
"""

from datetime import UTC, datetime, time, tzinfo
from typing import Annotated, Any, Final

import typer

from edge_agent.cli.output import CONFIG, ConfigOption, JsonOption, note, print_json, print_table
from edge_agent.model.campaign import Daypart
from edge_agent.model.device import MOST_QUIET, Consent, ResidentLimits
from edge_agent.model.errors import EdgeAgentError, StorageError
from edge_agent.model.formats import Format
from edge_agent.settings.layers import Settings, load_settings

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="See, give or withdraw the resident's consent and limits.")
    group.command()(show)
    group.command()(give)
    group.command()(withdraw)
    group.command()(limit)
    group.command()(forget)
    group.command()(erase)
    app.add_typer(group, name="consent")


def show(config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """Show what the resident agreed to and narrowed."""
    from edge_agent.settings.resident import read_resident

    settings = load_settings(config)
    held = _held_by_agent(settings)
    consent, limits = read_resident(settings.database) if held is None else held
    _print(consent, limits, settings.zone, as_json=as_json)


def give(
    config: ConfigOption = CONFIG,
    reports: Annotated[bool, typer.Option(help="Agree to anonymous, randomised reports too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Agree to placements. Reports are a separate question and stay off unless --reports is given."""
    _change(load_settings(config), consent={"placements": True, "reports": reports}, as_json=as_json)


def withdraw(config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """Take all consent back. What plays closes at once; unsent reports are deleted."""
    _change(load_settings(config), consent={"placements": False, "reports": False}, as_json=as_json)


def limit(
    config: ConfigOption = CONFIG,
    quiet: Annotated[
        list[str] | None, typer.Option(help="Hours without placements, such as 22:00-07:00; may be repeated.")
    ] = None,
    max_per_hour: Annotated[int | None, typer.Option(min=0, help="At most so many placements an hour.")] = None,
    max_per_day: Annotated[int | None, typer.Option(min=0, help="At most so many placements a day.")] = None,
    format_off: Annotated[
        list[Format] | None,
        typer.Option(metavar="FORMAT", help=f"A format that is never placed ({', '.join(Format)}); may be repeated."),
    ] = None,
    block_advertiser: Annotated[
        list[str] | None, typer.Option(help="An advertiser's name or domain that is kept away; may be repeated.")
    ] = None,
    block_category: Annotated[
        list[str] | None, typer.Option(help="A category (IAB code) that is kept away; may be repeated.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Lift these limits first.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Narrow what may be placed. What is not named stays as it is; nothing remote can widen it.

    --quiet, --format-off and --block-… take the place of those that were set before. Campaigns that were dismissed
    are lifted with `consent forget`.
    """
    changes: dict[str, Any] = {}
    if clear:
        changes = ResidentLimits().model_dump(exclude={"dismissed_campaigns"})
    if quiet and len(quiet) > MOST_QUIET:
        raise typer.BadParameter(f"{MOST_QUIET} hours at most", param_hint="--quiet")
    if quiet:
        changes["quiet_hours"] = tuple(_hours(text) for text in quiet)
    if format_off:
        changes["formats_off"] = frozenset(format_off)
    if block_advertiser:
        changes["blocked_advertisers"] = frozenset(block_advertiser)
    if block_category:
        changes["blocked_cat"] = frozenset(block_category)
    if max_per_hour is not None:
        changes["max_per_hour"] = max_per_hour
    if max_per_day is not None:
        changes["max_per_day"] = max_per_day
    if not changes:
        raise typer.BadParameter("Name at least one limit, or --clear; see --help.")
    _change(load_settings(config), limits=changes, as_json=as_json)


def forget(config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """Let campaigns that were dismissed come again.

    Forgets every "not interested".
    """
    _change(load_settings(config), limits={"dismissed_campaigns": frozenset()}, as_json=as_json)


def erase(config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """Erase what was placed and decided here.

    Reports that were not sent yet too; consent and limits stay. Asks nothing, and cannot be undone. What is played
    and reported from now on is on record again; to end that too, withdraw first.
    """
    settings = load_settings(config)
    if _ask_agent(settings, "/v1/erase", {}) is None and settings.database.exists():
        from edge_agent.measure.journal import erase_journal

        _refuse_strangers(settings)
        erase_journal(settings.database, datetime.now(UTC))
    if as_json:
        print_json({"erased": True})
    else:
        typer.echo("Plays, decisions and unsent reports are erased.")


def _hours(text: str) -> Daypart:
    start, _, end = text.partition("-")
    try:
        return Daypart(start=time.fromisoformat(start.strip()), end=time.fromisoformat(end.strip()))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} are no hours; write them as 22:00-07:00", param_hint="--quiet") from error


def _change(
    settings: Settings,
    *,
    consent: dict[str, bool] | None = None,
    limits: dict[str, Any] | None = None,
    as_json: bool,
) -> None:
    """Change what is given of consent and limits, and print what holds then."""
    from edge_agent.settings.resident import ResidentStore, read_resident

    body: dict[str, Any] = {}
    if consent is not None:
        body["consent"] = consent
    if limits is not None:
        body["limits"] = ResidentLimits(**limits).model_dump(mode="json", include=set(limits))
    answer = _ask_agent(settings, "/v1/resident", body)
    if answer is not None:
        agreed, narrowed = _stated(answer)
    else:
        _refuse_strangers(settings)
        agreed, narrowed = read_resident(settings.database)
        if consent is not None:
            agreed = Consent(**consent, at=datetime.now(UTC))
        narrowed = narrowed.model_copy(update=limits or {})
        store = ResidentStore(settings.database)
        try:
            store.save(agreed, narrowed)
        finally:
            store.close()
        note("The agent is not running; this holds from its next start.")
    _print(agreed, narrowed, settings.zone, as_json=as_json)


def _held_by_agent(settings: Settings) -> tuple[Consent, ResidentLimits] | None:
    """Return what a running agent goes by, which may be newer than its disk; None where none can be asked."""
    from edge_agent.cli.agent_socket import get

    try:
        answer = None if settings.debug.socket is None else get(settings.debug.socket, "/v1/state")
    except EdgeAgentError:
        return None  # whoever may not ask it may still be allowed to read the file
    return None if answer is None else _stated(answer)


def _stated(answer: dict[str, Any]) -> tuple[Consent, ResidentLimits]:
    return Consent.model_validate(answer["consent"]), ResidentLimits.model_validate(answer["limits"])


def _ask_agent(settings: Settings, target: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the running agent's answer, or None where none runs."""
    from edge_agent.cli.agent_socket import post

    return None if settings.debug.socket is None else post(settings.debug.socket, target, body)


def _refuse_strangers(settings: Settings) -> None:
    """Raise StorageError where writing would leave files that the agent's own user cannot use.

    Root may write: what root makes is given to whom the folder belongs to (see `database`).
    """
    import os
    import pwd

    place = next((path for path in (settings.database, settings.state_directory) if path.exists()), None)
    if place is None:
        return
    owner, me = place.stat().st_uid, os.geteuid()
    if me in {0, owner}:
        return
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = f"#{owner}"
    raise StorageError(
        f"{place} belongs to the user {name}, and you are another.",
        f"Start the agent, or run this as {name}: sudo -u {name} edge-agent consent …",
    )


def _print(consent: Consent, limits: ResidentLimits, zone: tzinfo, *, as_json: bool) -> None:
    if as_json:
        print_json({"consent": consent.model_dump(mode="json"), "limits": limits.model_dump(mode="json")})
        return
    lists = {
        "quiet hours": map(_hours_told, limits.quiet_hours),
        "formats off": limits.formats_off,
        "blocked categories": limits.blocked_cat,
        "blocked advertisers": limits.blocked_advertisers,
        "dismissed campaigns": limits.dismissed_campaigns,
    }
    numbers = {"at most an hour": limits.max_per_hour, "at most a day": limits.max_per_day}
    rows: list[tuple[str, object]] = [
        ("placements", "yes" if consent.placements else "no"),
        ("anonymous reports", "yes" if consent.reports else "no"),
        ("since", "never asked" if consent.at is None else f"{consent.at.astimezone(zone):%Y-%m-%d %H:%M}"),
        *((name, told) for name, listed in lists.items() if (told := ", ".join(sorted(listed)))),
        *((name, most) for name, most in numbers.items() if most is not None),
    ]
    print_table("The resident's wishes", ("what", "answer"), rows)


def _hours_told(hours: Daypart) -> str:
    days = ", ".join(_DAYS[day - 1] for day in sorted(set(hours.weekdays)))
    return f"{hours.start:%H:%M}-{hours.end:%H:%M}{'' if len(set(hours.weekdays)) == len(_DAYS) else f' on {days}'}"
