"""Standard output and error as every command has them, be they full or gone (shell: file descriptors 1 and 2)."""

import errno
import os
import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import TYPE_CHECKING, Final

from edge_agent.model.errors import EdgeAgentError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

NOBODY_READS: Final = 141
"""The exit code of what a shell says was ended by SIGPIPE, as of every tool in front of `| head`."""


def guard_streams() -> None:
    """Let a result that cannot be written end the command in one sentence, and an error that cannot be told be lost.

    What a terminal has no letters for is no reason to fail either.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout = _guarded(sys.stdout, _Results)
    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr = _guarded(sys.stderr, _Notes)


class _Results(FileIO):
    """Leaves with code 1 and a sentence, or with `NOBODY_READS` and without one, when it cannot be written to."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())  # what is still to be flushed on the way out fails no more
            os.close(nowhere)
            if error.errno == errno.EPIPE:
                sys.exit(NOBODY_READS)
            told = EdgeAgentError(f"The output cannot be written: {error.strerror}.", "Send it where there is room.")
            sys.stderr.write(f"edge-agent: {told.for_person()}\n")
            sys.exit(1)


class _Notes(FileIO):
    """Passes over what cannot be written: nobody is there to be told of it, and the command goes on."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def _guarded(stream: TextIOWrapper, kind: type[FileIO]) -> TextIOWrapper:
    if stream not in {sys.__stdout__, sys.__stderr__}:  # somebody's own, such as a test's
        stream.reconfigure(errors="backslashreplace")
        return stream
    stream.flush()
    raw = kind(stream.fileno(), "wb", closefd=False)
    return TextIOWrapper(
        BufferedWriter(raw), encoding=stream.encoding, errors="backslashreplace", line_buffering=True
    )
