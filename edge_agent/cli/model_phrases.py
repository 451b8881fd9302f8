"""`edge-agent model add-phrases`: teach a model new words, and say how easily each phrase is confused."""

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from edge_agent.cli.output import JsonOption, fail, note, print_json, print_table, progress_bar

if TYPE_CHECKING:
    from edge_agent.voice.phrases.adding import Plan
    from edge_agent.voice.phrases.confusability import Verdict


def register(group: typer.Typer) -> None:
    """Add the command to the group of models."""
    group.command("add-phrases")(add_phrases)


def add_phrases(
    phrases: Annotated[list[str], typer.Argument(help="What a person says, each in quotation marks.")],
    model: Annotated[Path | None, typer.Option(help="The model's folder (default: the packaged one).")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The new model's folder (default: --model itself, else NAME-phrases here).")
    ] = None,
    pronounce: Annotated[
        list[str] | None, typer.Option(help='A word by its phones: "glowbar=g l ow b aa r"; once for each way.')
    ] = None,
    beside: Annotated[
        list[str] | None, typer.Option(help="A phrase that the same devices listen for; may be given again.")
    ] = None,
    fleet_dir: Annotated[
        Path | None, typer.Option("--fleet-dir", help="Compare with the phrases that this fleet has published, too.")
    ] = None,
    language: Annotated[str | None, typer.Option(help="The model's language, where it does not say so.")] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Add what is too short, too close or too much, too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a model that hears new phrases, from one that has never heard their words.

    Says how easily each is confused, and refuses what is too short or too close to something else. Devices get it
    with: edge-agent fleet voice publish.
    """
    from edge_agent.voice.models import packaged_model
    from edge_agent.voice.phrases.adding import check_place, make_model, plan_phrases

    began = time.monotonic()
    source = model or packaged_model(language or "en")
    target = out or (model if model is not None else Path(f"{source.name}-phrases"))
    check_place(source, target)
    if not anyway:
        _refuse_unpublishable(source, phrases)
    others = [*(beside or ()), *(() if fleet_dir is None else _published_phrases(fleet_dir))]
    with progress_bar(of_bytes=False) as progress:
        plan = plan_phrases(
            source,
            phrases,
            pronounced=pronounce or (),
            beside=others,
            lang=language,
            progress=partial(progress, "comparing"),
        )
    for phrase in plan.not_compared:
        note(f'Not compared with "{phrase}": its words are not of this language.')
    if not as_json:
        _print_verdicts(plan.verdicts)
    if plan.refused and not anyway:
        _fail(plan.refused)
    made = make_model(plan, target)
    _say_made(plan, made.directory, round(time.monotonic() - began, 1), as_json=as_json)


def _refuse_unpublishable(source: Path, phrases: list[str]) -> None:
    """Leave with what `fleet voice publish` would refuse after all the work."""
    from edge_agent.packs.formats.voice_pack import MAX_PHRASE_CHARS, MAX_PHRASES
    from edge_agent.voice.phrases.adding import read_phrases

    total = len({*read_phrases(source).get("phrases", ()), *phrases})
    longest = max(map(len, phrases))
    if total > MAX_PHRASES:
        error = f"The model would have {total} phrases; fleet voice publish takes {MAX_PHRASES} of one language."
        fail(error, "Make the model anew with those that are still needed; --anyway makes it all the same.")
    if longest > MAX_PHRASE_CHARS:
        fail(f"A phrase has {longest} characters; fleet voice publish takes {MAX_PHRASE_CHARS}.", "Shorten it.")


def _fail(refused: "tuple[Verdict, ...]") -> NoReturn:
    details = {"refused": [_verdict_document(verdict) for verdict in refused]}
    fail(
        f'"{refused[0].phrase}": {refused[0].advice}',
        "Nothing was made; --anyway makes it all the same.",
        details=details,
    )


def _say_made(plan: "Plan", directory: Path, seconds: float, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "model": str(directory),
                "lang": plan.lang,
                "phrases": [_verdict_document(verdict) for verdict in plan.verdicts],
                "words": {word: [" ".join(way) for way in ways] for word, ways in plan.words.items()},
                "seconds": seconds,
            }
        )
        return
    for word, ways in plan.words.items():
        note(f"{word}: {', or '.join(' '.join(way) for way in ways)}")
    note(f"The model is in {directory}, made in {seconds} s. Give it to a fleet with:")
    note(f"  edge-agent fleet voice publish {directory}")


def _published_phrases(fleet_dir: Path) -> list[str]:
    """Return the wake phrases and dialogue answers that a fleet has published."""
    from edge_agent.fleet.signing.repository import FleetRepository
    from edge_agent.fleet.signing.spoken import published_phrases

    return list(published_phrases(FleetRepository.open(fleet_dir)))


def _print_verdicts(verdicts: "tuple[Verdict, ...]") -> None:
    print_table(
        "How easily it is confused (0: like nothing else, 100: the same sounds)",
        ("phrase", "score", "sounds", "most like", "advice"),
        [
            (
                verdict.phrase,
                verdict.score,
                " ".join(verdict.phones[0]),
                "; ".join(f"{reason.what} ({reason.score})" for reason in verdict.reasons[:3]),
                verdict.advice,
            )
            for verdict in verdicts
        ],
    )


def _verdict_document(verdict: "Verdict") -> dict[str, Any]:
    return {
        "phrase": verdict.phrase,
        "score": verdict.score,
        "refused": verdict.is_refused,
        "advice": verdict.advice,
        "syllables": verdict.syllables,
        "pronunciations": [" ".join(way) for way in verdict.phones],
        "reasons": [
            {"kind": reason.kind, "score": reason.score, "what": reason.what} for reason in verdict.reasons[:8]
        ],
    }
