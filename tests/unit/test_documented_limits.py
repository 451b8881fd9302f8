"""Numbers that the documents tell are the code's: each sentence is made of the constant, and has to stand there."""

import math
import re
from datetime import timedelta
from typing import Any, Final

import pytest
from pydantic import BaseModel

from edge_agent.debug import acting, application, live, reading, slots
from edge_agent.fleet.authoring import measurements, picture
from edge_agent.fleet.reports import opening, subscription
from edge_agent.fleet.signing.repository import LIFETIMES
from edge_agent.link import dialling, session, topics
from edge_agent.measure import journal
from edge_agent.measure.report_key import Kem
from edge_agent.measure.sealer import PLAIN_BYTES, sealed_bytes
from edge_agent.model import moment
from edge_agent.model.campaign import HISTORY_KEPT
from edge_agent.packs import scrub, shares
from edge_agent.packs.fetching import mirrors
from edge_agent.packs.formats import chunk_lists, documents, manifest, revocations
from edge_agent.packs.keeping import reserve
from edge_agent.packs.source import MAX_METADATA_BYTES
from edge_agent.plays import PAST_MEANT
from edge_agent.render import hook_process, play_run
from edge_agent.render.hook_output import OutputLimits
from edge_agent.settings import rooms
from edge_agent.settings.rooms import DebugSettings, MeasureSettings, PacksSettings, RenderSettings
from edge_agent.voice import dialogue, ear, gate, patience
from edge_agent.voice.phrases import confusability
from edge_agent.voice.wyoming import protocol
from edge_agent.voice.wyoming import source as satellites
from tests.documents import DOCS

KIB: Final = 1024
MIB: Final = 2**20
HOOK: Final = OutputLimits()


def default(settings: type[BaseModel], field: str) -> Any:
    """Return a setting's default; a time in seconds."""
    value = settings.model_fields[field].default
    return value.total_seconds() if isinstance(value, timedelta) else value


def hours(field: str) -> int:
    seconds: float = default(MeasureSettings, field)
    return round(seconds / 3600)


TOLD: Final = {
    "hooks.md": [
        f"Its first {hook_process._STDERR_KEPT_BYTES} bytes are logged",
        f"still there after {default(RenderSettings, 'close_timeout'):g} s is killed",
        f"within {default(RenderSettings, 'start_timeout'):g} s of the start",
        f"a moment: {default(RenderSettings, 'start_timeout'):g} s at most",
        f"a line of more than {HOOK.line_bytes} bytes, more than {(HOOK.total_bytes or 0) // KIB} KiB in all",
        f"more than {hook_process._STDERR_TOTAL_BYTES // MIB} MiB on stderr",
        f"more than {play_run._OVERTIME.total_seconds():g} s past `slot.max_dur`",
        f"more than {HOOK.lines_per_window} lines within a second",
        f"moments beyond {moment.MOST_MOMENTS} within a minute",
    ],
    "http.md": [
        f"http://127.0.0.1:{default(DebugSettings, 'port')}/",
        f"of both together a door takes {moment.MOST_MOMENTS}",
        f"413 more than {application.MAX_BODY_BYTES // KIB} KiB",
        f"newest first (1 to {reading.MAX_LISTED})",
        f"?limit={reading.DEFAULT_LISTED}`",
        f"newest first, {live.LISTED} at most",
        f"none came within {acting.DECISION_WAIT_S:g} s",
        f"within {slots.ANSWER_WITHIN_S * 1000:g} ms",
    ],
    "packs.md": [
        f"at most {manifest.MAX_CHUNK_BYTES // KIB} KiB",
        f"A manifest has at most {documents.MAX_DOCUMENT_BYTES // KIB} KiB",
        f"{manifest.MAX_ASSETS} assets, {manifest.MAX_CREATIVES} creatives, which its line items name",
        f"name {manifest.MAX_BOOKED} times at most, and {documents.MAX_DEPTH} levels",
        f"`packs.max_pack_bytes` ({default(PacksSettings, 'max_pack_bytes') // MIB} MiB",
        f"{manifest.CHUNK_ENTRY_BYTES} bytes for each chunk",
        f"At most {manifest.MAX_LISTS_PER_ASSET} lists of at most {manifest.MAX_LIST_BYTES:,} bytes",
        f"bytes ({manifest.MAX_LIST_BYTES // manifest.CHUNK_ENTRY_BYTES:,} chunks)",
        f"more than {manifest.MIN_LISTED_BYTES // KIB} KiB on average",
        f"writes {chunk_lists.CHUNKS_IN_A_LIST:,} chunks into each",
        f"{shares.SHARE_BYTES // MIB} MiB for them, counted in blocks of {shares.BLOCK_BYTES // KIB} KiB",
        f"may name {shares.SHARE_BOOKED:,} creatives between them",
        f"at most {revocations.MAX_NAMES:,} names and {documents.MAX_DOCUMENT_BYTES // KIB} KiB",
        f"left alone for {mirrors.FIRST_PAUSE.total_seconds():g} s",
        f"a file of {reserve.RESERVE_BYTES // MIB} MiB (`reserve`)",
        f"(at most {scrub.FIRST_BYTES_PER_S // MIB} MiB a second)",
        f"which snapshot is the newest {LIFETIMES['timestamp'].days} days",
        f"{measurements.QUIETEST:g} to {measurements.LOUDEST:g} LUFS pass",
        f"at most {measurements.HIGHEST_PEAK:g} dBTP",
        f"{picture.LEAST_CONTRAST:g} to 1 is asked for",
        f"Text keeps {picture.TITLE_SAFE * 100:g} % free",
    ],
    "brokers.md": [
        f"up to {MAX_METADATA_BYTES // KIB} KiB for metadata",
        f"topics are up to {topics.MAX_TOPIC_BYTES} bytes",
        f"`packs.window`, which is {default(PacksSettings, 'window')}",
        f"they take {session._MAX_MESSAGE_BYTES // MIB} MiB",
        f"is forgotten after {dialling.GONE_KEPT_S // 86_400} days",
        f"kept, for {subscription.SESSION_KEPT_S // 86_400} days with 5.0",
        f"up to {len('edge-agent-') + 64} characters",
    ],
    "privacy.md": [
        f"The plaintext is {PLAIN_BYTES} bytes",
        f"of {sealed_bytes(Kem.HYBRID):,} bytes",
        f"({sealed_bytes(Kem.CLASSIC)} bytes with an X25519 report key)",
        f"more than `reports_per_day` ({default(MeasureSettings, 'reports_per_day')})",
        f"e.g. ε = {default(MeasureSettings, 'epsilon'):g}, the default",
        f"within `send_spread` ({hours('send_spread')} hours)",
        f"online within `keep` ({hours('keep') // 24} days)",
        f"for `measure.keep` ({hours('keep') // 24} days), the newest {journal.KEEP_DECISIONS:,} or",
        f"or {journal.KEEP_DECISION_BYTES // MIB} MiB at most",
        f"stay there for {HISTORY_KEPT.days} days",
        f"more noise than ε = {opening.LEAST_EPSILON} are refused",
        f"{opening.OLDEST.days} days later",
    ],
    "operator-guide.md": [f"good for {LIFETIMES['timestamp'].days} days"],
    "security.md": [f"it takes {session._MAX_MESSAGE_BYTES // MIB} MiB"],
    "decisions.md": [f"at most {HISTORY_KEPT.days} days"],
    "voice.md": [
        f"what is {10 * math.log10(gate.LOUDER):g} dB louder",
        f"has stood in the partial results for {patience.SETTLE_S:g} s",
        f"for {dialogue.ANSWER_WINDOW.total_seconds():g} s after it",
        f"within {PAST_MEANT.total_seconds() / 60:g} minutes of the last one",
        f"1, 2, 4 … {ear.RETRY_MAX.total_seconds():g} s",
        f"{confusability.RISKY} and more is risky, {confusability.TOO_CLOSE} and more is refused",
    ],
    "settings.md": [f"{rooms.MAX_WAKE_PHRASES} phrases of up to {rooms.MAX_PHRASE_CHARS} characters"],
    "home-assistant.md": [
        f"hold {protocol.LONGEST_PAYLOAD_BYTES // KIB} KiB of audio",
        f"sign of life after {satellites.ASK_AFTER_S:g} s, lost after {satellites.LOST_AFTER_S:g} s",
    ],
}


@pytest.mark.parametrize(
    ("document", "sentence"), [(document, sentence) for document, told in TOLD.items() for sentence in told]
)
def test_it_is_told_as_it_is(document: str, sentence: str) -> None:
    assert sentence in re.sub(r"\s+", " ", (DOCS / document).read_text("utf-8"))
