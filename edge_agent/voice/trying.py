"""Whether a model works, tried where it can do no harm: in a process of its own (shell: a process).

Vosk ends the whole process over some files that it cannot read, so no model that came from afar is loaded by the
agent before it was loaded here, heard noise with a grammar of its own words, and gave an answer.
"""

import asyncio
import os
import random
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from edge_agent.model.errors import EdgeAgentError, VoiceError
from edge_agent.voice.grammar import build_what_is_known, normalise
from edge_agent.voice.libvosk import RATE, Decoder
from edge_agent.voice.models import check_model

PATIENCE_S: Final = 60.0
_MOST_MEMORY_BYTES: Final = 2 * 2**30
"""Of addresses, most of which is never touched: a graph that claims to be huge must not take the device's memory."""

_WORDS: Final = 50
_NOISE_S: Final = 1


async def try_model(directory: Path, phrases: Sequence[str] = ()) -> None:
    """Load the model in a process of its own, with a grammar of `phrases` and some of its words.

    Raise VoiceError, with one sentence, when that process fails, dies or takes longer than a minute, and
    EdgeAgentError where none can be begun now or the system kills it, which says nothing of the model.
    """
    words = (" ".join(normalise(phrase)) for phrase in phrases)  # what else a phrase may hold, no argument can
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge_agent.voice.trying", str(directory), *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
    except OSError as error:
        raise EdgeAgentError(
            f"The voice pack's words cannot be tried: no process can be begun ({error.strerror}).",
            "Check how much memory and how many processes the agent may have; it is tried again.",
        ) from error
    try:
        async with asyncio.timeout(PATIENCE_S):
            _, said = await process.communicate()
    except TimeoutError as error:
        raise VoiceError("The voice pack's words keep the recogniser busy for ever.", "Publish it again.") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == -signal.SIGKILL:  # which no graph does, but a system without memory
        raise EdgeAgentError(
            "The voice pack's words cannot be tried: the process was killed.",
            "Check how much memory there is; it is tried again.",
        )
    if process.returncode:
        lines = said.decode("utf-8", "replace").strip().splitlines()
        reason = lines[-1][:200] if lines and process.returncode > 0 else f"it died with signal {-process.returncode}"
        raise VoiceError(f"The recogniser fails with the voice pack's words: {reason}", "Publish it again.")


def main(arguments: Sequence[str]) -> int:
    """Load the model in the first argument, listen for the other arguments in noise, and return an exit code."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY_BYTES, _MOST_MEMORY_BYTES))
    draw = random.Random(1)  # noqa: S311  noise is no secret
    try:
        model = check_model(Path(arguments[0]))
        vocabulary = model.vocabulary()
        some = list(vocabulary.words)[:: max(1, len(vocabulary.words) // _WORDS)]
        grammar, refused = build_what_is_known([*arguments[1:], *some], vocabulary)
        if refused:
            raise refused[0]
        decoder = Decoder(model.load(), grammar.for_vosk)
        decoder.accept(draw.randbytes(2 * RATE * _NOISE_S))
        decoder.finish()
    except EdgeAgentError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
