"""`edge-agent consent`: the resident's own switch, on the device."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from edge_agent.cli.output import JsonOption, note, print_json, print_table
from edge_agent.model.device import Consent, ResidentLimits
from edge_agent.settings.layers import Settings, load_settings

ConfigOption = Annotated[Path, typer.Option(help="agent.toml of this device.")]
CONFIG = Path("/etc/edge-agent/agent.toml")


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="See, give or withdraw the resident's consent and limits.")
    group.command()(show)
    group.command()(give)
    group.command()(withdraw)
    group.command()(forget)
    app.add_typer(group, name="consent")


def show(config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """Show what the resident agreed to and narrowed."""
    consent, limits = _load(load_settings(config))
    _print(consent, limits, as_json=as_json)


def give(
    config: ConfigOption = CONFIG,
    reports: Annotated[bool, typer.Option(help="Agree to anonymous, randomised reports too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Agree to placements. Reports are a separate question and stay off unless --reports is given."""
    settings = load_settings(config)
    _, limits = _load(settings)
    consent = Consent(placements=True, reports=reports, at=datetime.now(UTC))
    _apply(settings, consent, limits)
    _print(consent, limits, as_json=as_json)


def withdraw(config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """Take all consent back. What plays closes at once; unsent reports are deleted."""
    settings = load_settings(config)
    _, limits = _load(settings)
    consent = Consent(at=datetime.now(UTC))
    _apply(settings, consent, limits)
    _print(consent, limits, as_json=as_json)


def forget(config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """Forget the campaigns that were dismissed ("not interested"), so that they may come again."""
    settings = load_settings(config)
    consent, limits = _load(settings)
    limits = limits.model_copy(update={"dismissed_campaigns": frozenset()})
    _apply(settings, consent, limits)
    _print(consent, limits, as_json=as_json)


def _load(settings: Settings) -> tuple[Consent, ResidentLimits]:
    from edge_agent.settings.resident import ResidentStore

    store = ResidentStore(settings.database)
    try:
        return store.load()
    finally:
        store.close()


def _apply(settings: Settings, consent: Consent, limits: ResidentLimits) -> None:
    """Tell the running agent, or write it for the next start where none runs."""
    from edge_agent.cli.agent_socket import post
    from edge_agent.settings.resident import ResidentStore

    body: dict[str, Any] = {
        "consent": consent.model_dump(mode="json", include={"placements", "reports"}),
        "limits": limits.model_dump(mode="json"),
    }
    if (
        settings.debug.socket is not None
        and settings.debug.socket.exists()
        and post(settings.debug.socket, "/v1/resident", body)
    ):
        return
    store = ResidentStore(settings.database)
    try:
        store.save(consent, limits)
    finally:
        store.close()
    note("The agent is not running; this holds from its next start.")


def _print(consent: Consent, limits: ResidentLimits, *, as_json: bool) -> None:
    if as_json:
        print_json({"consent": consent.model_dump(mode="json"), "limits": limits.model_dump(mode="json")})
        return
    rows: list[tuple[str, object]] = [
        ("placements", "yes" if consent.placements else "no"),
        ("anonymous reports", "yes" if consent.reports else "no"),
        ("since", consent.at or "never asked"),
        *((name.replace("_", " "), value) for name, value in limits.model_dump(mode="json").items() if value),
    ]
    print_table("The resident's wishes", ("what", "answer"), rows)
