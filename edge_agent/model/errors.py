"""Everything that can be wrong with what the agent is given. Callers' own bugs are not in this tree.

    EdgeAgentError
    ├── SettingsError       a profile, agent.toml or remote configuration is unusable
    ├── PackError           a pack is not what its signature or format promises
    │   ├── UntrustedError      not signed by whom it should be, expired, rolled back
    │   ├── IncompleteError     parts of it have not arrived (yet)
    │   └── FormatError         does not follow the published format
    ├── VoiceError          a model, phrase or audio source cannot be used
    │   ├── UnknownWordError    a phrase has a word that the model does not know
    │   ├── MicrophoneError     audio stopped, is busy or was never there
    │   └── WyomingError        a Wyoming peer breaks the protocol or asks for what is not to be had
    ├── RenderError         a firmware hook failed
    ├── LinkError           the broker cannot be reached or refuses
    │   ├── NotRetainedError    the broker holds nothing on that topic
    │   ├── NotAllowedError     the broker does not let this device read that topic
    │   ├── OversizeError       the broker holds more on that topic than is taken
    │   └── MirrorError         a mirror cannot be reached, or serves what was not asked for
    └── StorageError        the disk is full, read-only or damaged

Every message is one sentence about what happened; `next_step` is one sentence about what a person can do.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # what only listens has errors too, and no use for the libraries behind wordings (15 MB)
    from edge_agent.model.wording import Said

_CAPITAL: Final = re.compile(r"(?<!^)(?=[A-Z])")
_NO_TEXT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")
"""What may be in a name that a stranger wrote, and would break a line, steer a terminal, or cannot be UTF-8."""


def on_one_line(text: str) -> str:
    """Return `text` with a space for whatever of a stranger's in it is no text."""
    return _NO_TEXT.sub(" ", text)


class EdgeAgentError(Exception):
    """Base of all expected failures: `str(error)` says what happened, `next_step` what to do about it.

    Each is one line of text, whatever of a stranger's is quoted in it.
    """

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(on_one_line(message))
        self.next_step = on_one_line(next_step)

    def for_person(self) -> str:
        """Return message and next step as one line."""
        happened = str(self)
        stop = "." if self.next_step and happened[-1:] not in {"", *".?!:"} else ""
        return f"{happened}{stop} {self.next_step}".strip()

    @classmethod
    def kind(cls) -> str:
        """Return the sort of failure, by the nearest class of this tree: `not_retained` for `NotRetainedError`."""
        nearest = next(one for one in cls.__mro__ if one.__module__ == __name__)
        return _CAPITAL.sub("_", nearest.__name__.removesuffix("Error")).lower()

    def said(self) -> "Said":
        """Return the same line for pages: what happened exactly in English, what sort of thing in any language."""
        from edge_agent.model.wording import Wording  # noqa: PLC0415  see above

        return Wording(f"trouble.{self.kind()}", "{text}")(text=self.for_person())


class SettingsError(EdgeAgentError):
    """A profile, agent.toml, resident file or remote configuration is unusable."""


class PackError(EdgeAgentError):
    """A pack is not what its signature or its format promises."""


class UntrustedError(PackError):
    """Metadata or a target is not signed by whom it should be, has expired, or was rolled back."""


class IncompleteError(PackError):
    """Parts of a pack have not arrived."""


class FormatError(PackError):
    """A document does not follow its published format."""


class VoiceError(EdgeAgentError):
    """A model, phrase or audio source cannot be used."""


class UnknownWordError(VoiceError):
    """A phrase has words that the model does not know; it would be dropped in silence by the recogniser."""

    def __init__(self, phrase: str, words: Sequence[str]) -> None:
        listed = ", ".join(f'"{word}"' for word in words)
        super().__init__(
            f'The phrase "{phrase}" has words that the speech model does not know: {listed}.',
            "Choose other words, or use a model that knows these.",
        )
        self.phrase = phrase
        self.words = tuple(words)


class MicrophoneError(VoiceError):
    """Audio stopped, is busy or was never there."""


class WyomingError(VoiceError):
    """A Wyoming peer breaks the protocol or asks for what is not to be had.

    `deed` completes "The Wyoming peer …"; `code` is a short word for programs: malformed, too-long, …
    """

    def __init__(self, deed: str, code: str, next_step: str = "") -> None:
        super().__init__(f"The Wyoming peer {deed}.", next_step)
        self.deed = deed
        self.code = code


class RenderError(EdgeAgentError):
    """A firmware hook could not render, or lied about it."""


class LinkError(EdgeAgentError):
    """The broker cannot be reached, refuses, or answers outside the protocol."""


class NotRetainedError(LinkError):
    """The broker holds no retained message on a topic."""

    def __init__(self, topic: str, error: str = "", next_step: str = "Publish the repository again.") -> None:
        super().__init__(error or f"The broker holds nothing on {topic}.", next_step)
        self.topic = topic


class NotAllowedError(LinkError):
    """The broker does not let this device read a topic, and will not before somebody changes its rules."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"The broker refuses {topic}.", "Check the broker's access rules.")
        self.topic = topic


class OversizeError(LinkError):
    """The broker holds more on a topic than is taken."""

    def __init__(self, topic: str, length: int, max_bytes: int) -> None:
        super().__init__(
            f"{topic} holds {length} bytes, more than the {max_bytes} that are allowed.",
            "Publish the repository again; if it stays, somebody may be tampering with the broker.",
        )


class MirrorError(LinkError):
    """A mirror cannot be reached, or does not serve what was asked for. `deed` completes "The mirror … …"."""

    def __init__(self, mirror: str, deed: str, next_step: str = "Check what it serves.") -> None:
        super().__init__(f"The mirror {mirror} {deed}; it is left alone for a while.", next_step)
        self.mirror = mirror
        self.deed = deed


class StorageError(EdgeAgentError):
    """The disk is full, read-only or damaged."""
