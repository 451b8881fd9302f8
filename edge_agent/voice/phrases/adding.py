"""From typed phrases to a model that hears them (shell: files, espeak-ng and OpenFst's programs).

1. The words that the model lacks are pronounced, by espeak-ng or as a person wrote (`plan_phrases`).
2. Each phrase is judged: is it long enough, and how close is it to what else may be said? (`confusability`)
3. A new model directory is made: the same network, a graph with the new words (`make_model`).
4. It is loaded once with all its phrases, and only then gets its name.

`phrases.json` in the directory says which phrases and words were added, and to which network.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

from edge_agent.model.errors import StorageError, VoiceError
from edge_agent.voice.dialogue import commands_for
from edge_agent.voice.fitting import PHRASES_FILE, base_hash
from edge_agent.voice.grammar import Vocabulary, build_grammar, normalise
from edge_agent.voice.libvosk import Decoder
from edge_agent.voice.models import Model, check_model, packaged_models
from edge_agent.voice.phrases.common_speech import CommonSpeech
from edge_agent.voice.phrases.confusability import Spoken, Verdict, judge
from edge_agent.voice.phrases.extending import extend_graph, not_ours, read_phones
from edge_agent.voice.phrases.pronouncing import by_hand, pronounce
from edge_agent.voice.phrases.sounds import Pronunciations, sound_system
from edge_agent.voice.training.errors import TrainingError
from edge_agent.voice.training.lexicon import lexicon_text, parse_lexicon
from edge_agent.voice.training.requirements import check_words_can_be_added
from edge_agent.voice.training.texts import LANGUAGES, load_texts

Progress = Callable[[int, int], None]

_EVERYDAY_RANK: Final = 200
_COMMON_RANK: Final = 400
_UNORDERED_RANK: Final = 2_000
_MOST_COMMON: Final = 3_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be added to `model`, and what is to be said about it. Nothing was written yet."""

    model: Model
    lang: str
    phrases: tuple[str, ...]
    words: Mapping[str, Pronunciations]
    verdicts: tuple[Verdict, ...]
    not_compared: tuple[str, ...] = ()
    """What stands beside them in another language: nobody knows how it sounds in this model's phones."""

    @property
    def refused(self) -> tuple[Verdict, ...]:
        """The phrases that must not ship unless a person insists."""
        return tuple(verdict for verdict in self.verdicts if verdict.is_refused)


def language_of(model: Model) -> str:
    """Return the language of a model: as it says itself, else that of the packaged model with the same network."""
    noted = read_phrases(model.directory).get("lang")
    if isinstance(noted, str):
        return noted
    for lang, directory in packaged_models().items():
        if base_hash(directory) == base_hash(model.directory):
            return lang
    if model.name in LANGUAGES:
        return model.name
    raise VoiceError(f"Nothing says which language {model.directory} speaks.", "Say it with --language.")


def read_phrases(directory: Path) -> dict[str, Any]:
    """Return what `phrases.json` in a model says; empty where there is none."""
    try:
        noted = json.loads((directory / PHRASES_FILE).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise VoiceError(f"{directory / PHRASES_FILE} cannot be read: {error}.", "Make the model again.") from error
    return noted if isinstance(noted, dict) else {}


def plan_phrases(
    directory: Path,
    phrases: Sequence[str],
    *,
    pronounced: Sequence[str] = (),
    beside: Sequence[str] = (),
    lang: str | None = None,
    progress: Progress = lambda _judged, _all: None,
) -> Plan:
    """Pronounce and judge `phrases` for the model in `directory`: seconds for each of some words.

    `pronounced` are pronunciations by hand (`word=phones`); `beside` are phrases that the same devices listen for.
    `progress` is told how many phrases were judged, and of how many. Raise VoiceError naming the phrase, word or
    program that stands in the way.
    """
    model = check_model(directory)
    graph = directory / "graph"
    lexicon_file = graph / "lexicon.txt"
    if not lexicon_file.is_file():
        raise not_ours(directory)
    names = {name.rpartition("_")[0] for name in read_phones(graph)}
    lang = lang or language_of(model)
    noted = read_phrases(directory).get("phrases", [])
    lexicon: dict[str, Pronunciations] = dict(parse_lexicon(lexicon_file.read_text("utf-8")))
    written = by_hand(pronounced, names, lang)
    vocabulary = Vocabulary({**{word: word for word in written}, **model.vocabulary().words})
    _check_are_said(written, [*phrases, *noted, *beside], vocabulary)
    unknown, elsewhere = _lacking(phrases, vocabulary), _lacking([*noted, *beside], vocabulary)
    try:
        if unknown or elsewhere or written:
            check_words_can_be_added(by_espeak=bool(unknown or elsewhere))
        added = {**written, **{word: pronounce(word, lang) for word in unknown}}
        for word in elsewhere:  # to compare with, not to be added
            with suppress(VoiceError):
                lexicon[word] = pronounce(word, lang)
    except TrainingError as error:
        raise VoiceError(str(error)) from error
    for word, ways in added.items():
        lexicon[word] = tuple(dict.fromkeys([*ways, *lexicon.get(word, ())]))
    resident = [phrase for ways in commands_for(lang).values() for phrase in ways]
    beside_it = dict.fromkeys([*phrases, *noted, *beside, *resident])
    others = [other for phrase in beside_it if (other := _spoken(phrase, lexicon, vocabulary)) is not None]
    compared = {other.text for other in others}
    return Plan(
        model=model,
        lang=lang,
        phrases=tuple(dict.fromkeys([*noted, *phrases])),
        words=added,
        verdicts=tuple(_judged(phrases, others, lexicon, lang, progress)),
        not_compared=tuple(phrase for phrase in dict.fromkeys(beside) if phrase not in compared),
    )


def _lacking(phrases: Iterable[str], vocabulary: Vocabulary) -> list[str]:
    words = dict.fromkeys(word for phrase in phrases for word in _words_of(phrase))
    return [word for word in words if not vocabulary.spell(word)]


def _spoken(phrase: str, lexicon: Mapping[str, Pronunciations], vocabulary: Vocabulary) -> Spoken | None:
    spelt = [(word,) if word in lexicon else vocabulary.spell(word) for word in normalise(phrase)]
    words = tuple(chain.from_iterable(spelt))
    known = all(spelt) and all(word in lexicon for word in words)
    return Spoken(phrase, words, tuple(lexicon[word] for word in words)) if known else None


def _judged(
    phrases: Sequence[str],
    others: Sequence[Spoken],
    lexicon: Mapping[str, Pronunciations],
    lang: str,
    progress: Progress,
) -> Iterator[Verdict]:
    sounds = sound_system(lang)
    speech = CommonSpeech(lexicon, _ranks(lang, lexicon), sounds)
    asked = [phrase for phrase in others if phrase.text in phrases]
    for place, phrase in enumerate(asked):
        progress(place, len(asked))
        yield judge(phrase, others, speech, sounds)


def _check_are_said(written: Iterable[str], phrases: Iterable[str], vocabulary: Vocabulary) -> None:
    """Raise VoiceError for a pronunciation that no phrase has use for: its word was mistyped, most likely."""
    spelt = [vocabulary.spell(word) or (word,) for phrase in phrases for word in _words_of(phrase)]
    words = dict.fromkeys(chain.from_iterable(spelt))
    for word in written:
        if word not in words:
            raise VoiceError(f'No phrase has the word "{word}" to pronounce.', f"Name one of: {', '.join(words)}.")


def _words_of(phrase: str) -> tuple[str, ...]:
    words = normalise(phrase)
    if not words:
        raise VoiceError(f'The phrase "{phrase}" has no word in it.', "Write it as it is spoken.")
    return words


def _ranks(lang: str, lexicon: Iterable[str]) -> dict[str, int]:
    """Return how common words are; of a language without lists every word of the model counts the same."""
    if lang not in LANGUAGES:
        return dict.fromkeys(lexicon, _UNORDERED_RANK)
    texts = load_texts(lang)
    ranks = dict.fromkeys(" ".join([*texts.sentences, *texts.phrases]).split(), 0)
    for word in texts.everyday:
        ranks.setdefault(word, _EVERYDAY_RANK)
    for place, word in enumerate(texts.common):
        ranks.setdefault(word, _COMMON_RANK + place if texts.by_use else _UNORDERED_RANK)
    return dict(sorted(ranks.items(), key=lambda item: item[1])[:_MOST_COMMON])


def make_model(plan: Plan, out: Path) -> Model:
    """Write the model of `plan` to `out`, which must not exist unless it is the model that words are added to.

    Raise VoiceError where the result does not work, StorageError for the disk; `out` is then as it was.
    """
    source = plan.model.directory
    check_place(source, out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".adding-") as scratch:
            fresh = Path(scratch) / "model"
            shutil.copytree(source, fresh, ignore=shutil.ignore_patterns("HCLr.fst", "Gr.fst"))
            _write_words(plan, fresh)
            made = check_model(fresh)
            Decoder(made.load(), build_grammar(plan.phrases, made.vocabulary()).for_vosk)
            _put_in_place(fresh, out.resolve() if out.is_symlink() else out)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"The model cannot be written to {out}: {reason}.", "Check the disk.") from error
    return check_model(out)


def check_place(source: Path, out: Path) -> None:
    """Raise VoiceError where a model made from that in `source` must not be written to `out`."""
    if out.exists() and not (out.is_dir() and out.samefile(source)):
        raise VoiceError(f"{out} exists already.", f"Add to it with --model {out}, or name another with --out.")
    if out.exists() and source.resolve() in {path.resolve() for path in packaged_models().values()}:
        raise VoiceError("The packaged model is not changed.", "Name another folder with --out.")


def _put_in_place(fresh: Path, out: Path) -> None:
    """Give `fresh` the name `out`. A folder cannot be replaced in one step, so what was there waits beside it.

    Where the power goes between the two, `NAME.before-…` is the model as it was, for a person to name back.
    """
    if not out.exists():
        fresh.rename(out)
        return
    before = Path(tempfile.mkdtemp(prefix=f"{out.name}.before-", dir=out.parent))
    out.rename(before)
    try:
        fresh.rename(out)
    except OSError:
        before.rename(out)
        raise
    shutil.rmtree(before)


def _write_words(plan: Plan, fresh: Path) -> None:
    graph, base = fresh / "graph", plan.model.directory / "graph"
    if plan.words:
        try:
            extend_graph(base, graph, plan.words)
        except TrainingError as error:
            raise VoiceError(str(error)) from error
        with (graph / "lexicon.txt").open("a", encoding="utf-8") as file:
            file.write(lexicon_text({word: tuple(ways) for word, ways in plan.words.items()}))
    else:
        for name in ("HCLr.fst", "Gr.fst"):
            shutil.copy2(base / name, graph / name)
    words = {word: [" ".join(way) for way in ways] for word, ways in plan.words.items()}
    noted = {
        "v": 1,
        "lang": plan.lang,
        "base": base_hash(plan.model.directory),
        "phrases": plan.phrases,
        "words": read_phrases(plan.model.directory).get("words", {}) | words,
    }
    (fresh / PHRASES_FILE).write_text(json.dumps(noted, ensure_ascii=False, indent=1) + "\n", "utf-8")
