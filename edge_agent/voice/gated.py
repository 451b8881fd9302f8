"""Live audio in, detections out, at next to no cost in silence: a gate before a phrase stream (native code)."""

from collections.abc import Iterator

from edge_agent.voice.gate import Gate
from edge_agent.voice.grammar import Grammar
from edge_agent.voice.libvosk import SpeechModel
from edge_agent.voice.spotter import Detection
from edge_agent.voice.spotting import PhraseStream


class GatedStream:
    """One stream of 16 kHz mono s16le audio that goes on for days. Not thread-safe.

    The times of detections are those of the whole stream, silence included.
    """

    def __init__(self, model: SpeechModel, grammar: Grammar, sensitivity: float = 0.5) -> None:
        self._gate = Gate()
        self._stream = PhraseStream(model, grammar, sensitivity)
        self._between = False
        """Whether the last passage has ended and the next one has not begun."""

    @property
    def is_quiet(self) -> bool:
        """Whether the room is silent, so that what comes next may wait a little."""
        return not self._gate.is_open

    def listen_for(self, grammar: Grammar, model: SpeechModel | None = None) -> None:
        """Take up another grammar, or model, from the next sample on, as `PhraseStream.listen_for`."""
        if self._between:  # nothing is being said that could be heard whole
            self._stream.skip(0)
        self._stream.listen_for(grammar, model)

    def feed(self, pcm: bytes) -> Iterator[Detection]:
        """Take audio of any length; yield what was heard in it, as soon as it is known."""
        for passage in self._gate.feed(pcm):
            if self._between:
                self._between = False
                self._stream.skip(passage.skipped_bytes)
            yield from self._stream.feed(passage.audio)
            if passage.ends:
                yield from self._stream.finish()
                self._between = True

    def finish(self) -> Iterator[Detection]:
        """End the stream; yield what was heard at its very end."""
        if not self._between:
            yield from self._stream.finish()
