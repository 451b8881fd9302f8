"""Run many pieces of one job in processes, and say how far they are."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Final, TypeVar

Report = Callable[[str], None]
"""Takes one line for a person."""

_Piece = TypeVar("_Piece")
_Made = TypeVar("_Made")

_REPORT_EVERY_S: Final = 5.0
_THREADS: Final = "OPENBLAS_NUM_THREADS"


def run_in_processes(
    work: Callable[[_Piece], _Made], pieces: Sequence[_Piece], *, what: str, report: Report
) -> list[_Made]:
    """Return `work(piece)` for each piece, in the order of the pieces.

    `work` must be importable by name. The first failure ends the job and is raised.
    """
    started = time.monotonic()
    last_report = started
    processes = min(len(pieces), os.cpu_count() or 1)
    with _one_thread_each(), ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        futures = [pool.submit(work, piece) for piece in pieces]
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                now = time.monotonic()
                if done == len(pieces) or now - last_report >= _REPORT_EVERY_S:
                    report(f"{what}: {done} of {len(pieces)} ({now - started:.0f} s)")
                    last_report = now
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [future.result() for future in futures]


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Start processes whose numpy uses one thread: there is a process for every core already."""
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = before
