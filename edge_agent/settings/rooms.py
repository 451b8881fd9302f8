"""One frozen slice of settings for each room. Fields marked REMOTE may be set by signed remote configuration."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from edge_agent.model.campaign import Daypart
from edge_agent.model.durations import Seconds
from edge_agent.model.identity import Identifier
from edge_agent.settings.mirror_url import MirrorUrl

REMOTE: dict[str, Any] = {"remote": True}
"""Put into `Field(json_schema_extra=REMOTE)`: the operator may set this field from afar."""

LEAST_FROM_AFAR: Final = "least"
"""Beside it, in seconds: the operator may set no less."""

MAX_MIRRORS: Final = 3

MAX_WAKE_PHRASES: Final = 64
"""Measured beside two: half as much again of the processor while somebody talks (64 of forty words: three times), and
a tenth more of memory. As many as a document from afar has room for cost seven to ten times."""
MAX_PHRASE_CHARS: Final = 200


class _Slice(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LinkSettings(_Slice):
    """How to reach the broker. `root` is the topic prefix. Credentials come from a file, never from agent.toml."""

    device_id: Identifier
    host: str = "127.0.0.1"
    port: int = Field(default=1883, ge=1, le=65535)
    root: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$")] = "edge"
    tls: bool = False
    ca_file: Path | None = None
    credentials_file: Path | None = None
    protocol: Literal["auto", "5.0", "3.1.1"] = "auto"
    """The version of MQTT; `auto` begins with 5.0 and keeps to what the broker takes."""
    keepalive: Seconds = timedelta(seconds=30)
    reconnect_min: Seconds = timedelta(seconds=1)
    reconnect_max: Seconds = timedelta(minutes=5)


class PacksSettings(_Slice):
    """Where packs are kept and what may be spent on them. `root_json` is the trusted TUF root of provisioning."""

    directory: Path
    root_json: Path
    kind: str
    budget_bytes: int = Field(default=256 * 2**20, gt=0, json_schema_extra=REMOTE)
    max_pack_bytes: int = Field(default=64 * 2**20, gt=0, json_schema_extra=REMOTE)
    window: int = Field(default=32, ge=1, le=256, json_schema_extra=REMOTE)
    chunk_timeout: Seconds = timedelta(seconds=20)
    refresh_every: Seconds = Field(
        default=timedelta(hours=6), gt=timedelta(0), le=timedelta(days=366), json_schema_extra=REMOTE
    )
    bandwidth: int | None = Field(default=None, ge=1024, le=2**40, json_schema_extra=REMOTE)
    """Bytes a second that the assets of packs may take on average."""
    daily_bytes: int | None = Field(default=None, ge=2**20, json_schema_extra=REMOTE)
    """Bytes that they may take from midnight to midnight."""
    hours: tuple[Daypart, ...] = Field(default=(), max_length=16, json_schema_extra=REMOTE)
    """When they may come, in the device's time zone; always, where there are none."""
    mirrors: tuple[MirrorUrl, ...] = Field(default=(), max_length=MAX_MIRRORS, json_schema_extra=REMOTE)
    """HTTPS servers that hold assets, asked in this order and before the broker; `https://cdn.example/fleet`."""
    mirror_ca_file: Path | None = None
    """PEM file of the authority that signs the mirrors' certificates; None means those that the system trusts."""


class WyomingSettings(_Slice):
    """Where Wyoming clients such as Home Assistant may use the engine: `tcp://HOST:PORT` or `unix:///PATH`.

    The protocol knows no passwords. Nothing of this can be set from afar.
    """

    uri: str
    phrases: tuple[str, ...] = ()
    """What speech-to-text may answer beside the wake phrases and the resident's own words."""


class VoiceSettings(_Slice):
    """What to listen with.

    `source`: `off`, `mic`, `mic:NAME`, `wav:PATH`, `pipe:PATH` or `stdin` (raw s16le mono 16 kHz; two channels of
    48 kHz: `pipe@48000x2:PATH`), `wyoming:ADDRESS` of a satellite or microphone service, or `wyoming-in:ADDRESS` that
    one streams to.
    """

    source: str = "off"
    model: Path | None = None
    """A Vosk model directory; None means the one chosen with `edge-agent model use`, else the one in the package."""
    models_directory: Path | None = None
    """Where `edge-agent model` keeps installed models, and the choice between them."""
    wake_phrases: tuple[Annotated[str, Field(max_length=MAX_PHRASE_CHARS)], ...] = Field(
        default=(), max_length=MAX_WAKE_PHRASES, json_schema_extra=REMOTE
    )
    sensitivity: float = Field(default=0.5, ge=0, le=1, json_schema_extra=REMOTE)
    lang: str = "en"
    wyoming: WyomingSettings | None = None


class RenderSettings(_Slice):
    """Which hooks render, and where the staged boot creative is kept. Hooks are named by verb."""

    hooks_directory: Path
    hooks: dict[Literal["show", "say", "stage", "watch", "cue", "microphone"], str] = {}
    runtime_directory: Path
    """Given to hooks as EDGE_AGENT_RUNTIME: where the stand-in's virtual devices keep their screen and sound."""
    boot_directory: Path
    start_timeout: Seconds = timedelta(seconds=5)
    close_timeout: Seconds = timedelta(milliseconds=800)
    restart_min: Seconds = timedelta(seconds=1)
    """How long to wait before a `watch` hook that died is started again; doubled each time, up to `restart_max`."""
    restart_max: Seconds = timedelta(minutes=1)


class MeasureSettings(_Slice):
    """What is reported, when and how much noise it carries. `period` is the length of a reporting day."""

    database: Path
    epsilon: float = Field(default=2.0, ge=0.25, le=8)
    """The privacy budget of one creative on one day. A fleet has one value: a device with its own stands out."""
    reports_per_day: int = Field(default=64, ge=1, le=1024)
    """The day's whole budget is at most this times epsilon; of more creatives, as many are drawn at random."""
    keep: Seconds = timedelta(days=90)
    send_spread: Seconds = Field(
        default=timedelta(hours=6),
        ge=timedelta(0),
        le=timedelta(days=366),
        json_schema_extra=REMOTE | {LEAST_FROM_AFAR: 3600},
    )
    """A day's reports leave at random times within this after it; all at once they would tell whose they are."""
    shards: int = Field(default=16, ge=1, le=1024)


class DebugSettings(_Slice):
    """The loopback endpoint and the Unix socket. Port 0 picks a free one; `false`, here None, closes the endpoint.

    The socket stays: on it the resident's words reach an agent that runs.
    """

    host: Literal["127.0.0.1", "::1"] = "127.0.0.1"
    port: int | None = Field(default=8765, ge=0, le=65535)
    socket: Path | None = None
    token_file: Path | None = None
    """With a token, the page may also act (inject moments); without one it only reads."""

    @field_validator("port", mode="before")
    @classmethod
    def _closed(cls, port: object) -> object:
        if port is True:
            raise ValueError("write a number, or false for no page")
        return None if port is False else port
