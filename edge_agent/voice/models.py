"""Speech models on disk: the packaged one, the installed ones, and which of them is in use (shell: reads files).

A model is a directory as Vosk reads it, in either layout: `am/final.mdl`, `conf/mfcc.conf` and `graph/`, or all
in one folder (older models). It must have a graph in two parts (HCLr.fst and Gr.fst): a model with one big static
graph (HCLG.fst) cannot be told at run time what to listen for.

`MODELS/chosen` holds the directory's path of the model in use; without it the packaged model is.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from edge_agent.durable import write_durably
from edge_agent.model.errors import StorageError, VoiceError
from edge_agent.voice.grammar import UNKNOWN, Vocabulary
from edge_agent.voice.libvosk import SpeechModel

if TYPE_CHECKING:  # pydantic is a third of what a process takes that only listens
    from edge_agent.settings.rooms import VoiceSettings

CHOSEN: Final = "chosen"

_LAYOUTS: Final = (
    ("am/final.mdl", "conf/mfcc.conf", "graph/words.txt", "graph"),
    ("final.mdl", "mfcc.conf", "words.txt", "."),
)

_loading = threading.Lock()
_loaded: WeakValueDictionary[tuple[Path, int], SpeechModel] = WeakValueDictionary()
"""The models in memory, by directory and its file's time, for as long as anyone uses them."""


@contextmanager
def _reading(words_file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        raise VoiceError(f"{words_file} cannot be read: {error}.", "Install the model again.") from error


@dataclass(frozen=True, slots=True)
class Model:
    """A directory that was checked to hold a model which takes phrases at run time."""

    directory: Path
    words_file: Path

    @property
    def name(self) -> str:
        """The directory's name."""
        return self.directory.name

    @property
    def size_bytes(self) -> int:
        """What its files take on disk."""
        return sum(path.stat().st_size for path in self.directory.rglob("*") if path.is_file())

    def vocabulary(self) -> Vocabulary:
        """Read its words."""
        with _reading(self.words_file):
            return Vocabulary.parse(self.words_file.read_text(encoding="utf-8"))

    def load(self) -> SpeechModel:
        """Load it into Vosk: tens of milliseconds and megabytes for a small one. What is loaded already is shared."""
        with _reading(self.words_file):
            key = (self.directory, self.words_file.stat().st_mtime_ns)
        with _loading:
            loaded = _loaded.get(key)
            if loaded is None:
                loaded = _loaded[key] = SpeechModel(self.directory)
            return loaded


def check_model(directory: Path) -> Model:
    """Return the model in `directory`. Raise VoiceError when it holds none, or one that takes no phrases."""
    if not directory.is_dir():
        raise VoiceError(f"There is no speech model in {directory}.", "Name the folder that holds the model's files.")
    for acoustic, features, words, graph in _LAYOUTS:
        if not (directory / acoustic).is_file():
            continue
        for needed in (features, words):
            if not (directory / needed).is_file():
                raise VoiceError(f"The speech model in {directory} lacks {needed}.", "Install the model again.")
        missing = [name for name in ("HCLr.fst", "Gr.fst") if not (directory / graph / name).is_file()]
        if missing:
            raise VoiceError(
                f"The speech model in {directory} takes no phrases at run time: it lacks {' and '.join(missing)}.",
                "Use one of the small models; the big ones have a static graph.",
            )
        if not _has_word(directory / words, UNKNOWN):
            raise VoiceError(
                f"The speech model in {directory} has no word {UNKNOWN} for what is no phrase: "
                "whatever is said would be taken for one.",
                "Use another small model.",
            )
        return Model(directory, directory / words)
    raise VoiceError(
        f"{directory} holds no speech model for Vosk: there is no am/final.mdl and no final.mdl.",
        "Name the folder that holds the model's files.",
    )


def _has_word(words: Path, word: str) -> bool:
    """Whether a symbol table (`word id` a line) has a word."""
    with _reading(words), words.open("rb") as lines:
        return any(line.split(maxsplit=1)[:1] == [word.encode()] for line in lines)


def packaged_models() -> dict[str, Path]:
    """Return the directories of the models in the package, by language."""
    folder = Path(str(files("edge_agent.voice"))) / "models"
    return {path.name: path for path in sorted(folder.glob("*")) if (path / "am" / "final.mdl").is_file()}


def packaged_model(lang: str) -> Path:
    """Return the directory of the packaged model of a language. Raise VoiceError where there is none."""
    packaged = packaged_models()
    if lang not in packaged:
        have = ", ".join(packaged) or "none"
        raise VoiceError(
            f'There is no speech model for the language "{lang}" in the package (it has: {have}).',
            "Install one with edge-agent model install, then edge-agent model use.",
        )
    return packaged[lang]


def installed_models(models: Path) -> tuple[Path, ...]:
    """Return the directories in `models` that look like models, sorted by name."""
    if not models.is_dir():
        return ()
    return tuple(
        path
        for path in sorted(models.iterdir())
        if path.is_dir() and any((path / layout[0]).is_file() for layout in _LAYOUTS)
    )


def chosen_directory(models: Path | None) -> Path | None:
    """Return the directory that was chosen with `choose`, or None."""
    if models is None:
        return None
    try:
        text = (models / CHOSEN).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{models / CHOSEN} cannot be read: {error}.", "Choose the model again.") from error
    return Path(text) if text else None


def choose(models: Path, directory: Path | None) -> None:
    """Make `directory` the model in use from the next start on (None: the packaged one). Survives a power cut."""
    try:
        models.mkdir(parents=True, exist_ok=True)
        named = f"{'' if directory is None else directory.resolve()}\n"
        write_durably(models / CHOSEN, [named.encode()], 0o644)
    except OSError as error:
        raise StorageError(
            f"The choice of model cannot be kept in {models}: {error.strerror}.", "Check permissions and free space."
        ) from error


def model_for(settings: "VoiceSettings") -> Model:
    """Return the model to use: the configured one, else the chosen one, else the packaged one of the language."""
    return find_model(settings.model, settings.models_directory, settings.lang)


def find_model(configured: Path | None, models: Path | None, lang: str) -> Model:
    """Return the model in `configured`, else the one chosen in `models`, else the packaged one of `lang`."""
    directory = configured or chosen_directory(models)
    if directory is not None:
        return check_model(directory)
    return check_model(packaged_model(lang))
