"""The JSON that the endpoint gives out, exactly. docs/http.md explains it to the people who use it.

Times are ISO 8601 with an offset, durations end in `_s` or `_ms`, sizes in `_bytes`. A field that may be null is
always present. `views` makes these from the vocabulary's types. A sentence is in English; `said` (or `…_said`) beside
it is the same for other languages.
"""

from typing import Any, Literal, TypedDict

from edge_agent.debug.said import SaidView

LinkStatus = Literal["connected", "connecting", "off"]
OutcomeName = Literal["selected", "no_fill", "refused"]


class ProblemView(TypedDict):
    """Something that does not work now: one sentence, since when, and what a person can do.

    `subject` is what fails (`broker`, `pack acme/spring`, `mirror https://…`).
    """

    subject: str
    what: str
    since: str
    next_step: str
    said: SaidView


class HealthView(TypedDict):
    """`GET /health`. `degraded` still places from what is on disk; `starting` does not yet."""

    status: Literal["ok", "degraded", "starting"]
    version: str
    uptime_s: float
    problems: list[ProblemView]


class IdentityView(TypedDict):
    """What kind of device this is."""

    id: str
    profile: str
    title: str
    kind: Literal["tv", "speaker", "fridge"]
    lang: str
    standin: bool


class ConsentView(TypedDict):
    """What the resident agreed to; `at` is when it was last changed."""

    placements: bool
    reports: bool
    at: str | None


class LinkView(TypedDict):
    """The broker: where it is, and since when the status holds."""

    status: LinkStatus
    broker: str
    since: str | None


class PlayingView(TypedDict):
    """What is being rendered now."""

    play_id: str
    format: str
    crid: str
    campaign: str
    campaign_name: str
    advertiser: str
    transcript: str
    turn: str
    started_at: str
    dur_s: float


class HeardView(TypedDict):
    """A phrase of the grammar that was heard. Nothing else that was said is ever known."""

    phrase: str
    at: str
    confidence: float


class AssetSourceView(TypedDict):
    """Where files of packs come from, and how many bytes did since the start. `url` is a mirror's; "" of the broker.

    `problem` is one sentence while a mirror does not do as it should, else empty. `lacks` counts files that it did
    not have when it was asked last.
    """

    kind: Literal["mirror", "broker"]
    url: str
    received_bytes: int
    lacks: int
    problem: str
    problem_said: SaidView | None


class StateView(TypedDict):
    """`GET /v1/state`. `limits` is `ResidentLimits` as JSON; `phrases` is what the microphone listens for now.

    `asset_sources` are in the order in which they are asked.
    """

    device: IdentityView
    now: str
    clock_trusted: bool
    powered: bool
    do_not_disturb: bool
    call_in_progress: bool
    media_playing: bool
    microphone: Literal["off", "listening", "muted", "lost"]
    phrases: list[str]
    heard: HeardView | None
    playing: PlayingView | None
    staged: str | None
    consent: ConsentView
    limits: dict[str, Any]
    link: LinkView
    asset_sources: list[AssetSourceView]
    problems: list[ProblemView]
    repository_version: int | None
    config_version: int | None


class RoomView(TypedDict):
    """A pack's place when room gets short: 1 goes first, 0 has none already. `why` is all of it as one sentence.

    `fate` and `reason` are terms of `edge_agent.model.shelf_room`; `at` is the time that the reason speaks of.
    `frees_bytes` is what no other pack needs.
    """

    place: int
    fate: str
    reason: str
    at: str
    frees_bytes: int
    why: str
    said: SaidView


class PackView(TypedDict):
    """One pack on the shelf. Only a complete one is offered to decisions."""

    name: str
    version: int
    advertiser: str
    campaign: str
    campaign_name: str
    complete: bool
    assets: int
    assets_present: int
    size_bytes: int
    formats: list[str]
    flight_start: str
    flight_end: str
    revoked: dict[str, str]
    """Why the operator lets a creative play no more, by crid."""
    revoked_said: dict[str, SaidView]
    reason: str
    """Why the newest version is not (yet) used: what failed, or what it waits for. Empty where there is nothing."""
    reason_said: SaidView | None
    room: RoomView | None
    """Null where the pack asks for no room: it is revoked, or cannot be used."""


class RejectionView(TypedDict):
    """A candidate that was not chosen, and the first rule that it failed."""

    crid: str
    line_item: str
    campaign: str
    rule: str
    detail: str
    said: SaidView


class MomentView(TypedDict):
    """The moment that a decision answers."""

    kind: str
    topic: str
    at: str


class ChosenView(TypedDict):
    """What filled the slot."""

    crid: str
    line_item: str
    campaign: str
    campaign_name: str
    advertiser: str
    format: str
    transcript: str


class DecisionView(TypedDict):
    """One decision. `rule` is null when something was placed; `detail` is always one sentence for a person."""

    id: str
    at: str
    moment: MomentView
    outcome: OutcomeName
    format: str | None
    rule: str | None
    detail: str
    said: SaidView
    chosen: ChosenView | None
    rejections: list[RejectionView]


class PlayEventView(TypedDict):
    """One event of a play, as the hook measured it."""

    kind: str
    at: str
    t_ms: int
    detail: str


class PlayView(TypedDict):
    """The exact local record of one rendering. It never leaves the device; the loopback is on the device."""

    play_id: str
    crid: str
    line_item: str
    campaign: str
    advertiser: str
    format: str
    moment: str
    started_at: str
    ended_at: str | None
    rendered: bool
    close_cause: str | None
    events: list[PlayEventView]


class ScreenView(TypedDict):
    """`GET /v1/screen`: what the virtual screen shows. `asset` is an address to fetch, changed with each showing."""

    present: bool
    on: bool
    play_id: str | None
    format: str | None
    crid: str | None
    title: str
    advertiser: str
    transcript: str
    mime: str | None
    w: int
    h: int
    asset: str | None


class SpeakerView(TypedDict):
    """`GET /v1/speaker`: what the virtual speaker says. `sound` is the address of the last WAV that it played."""

    present: bool
    speaking: bool
    play_id: str | None
    crid: str | None
    title: str
    advertiser: str
    transcript: str
    dur_s: float
    sound: str | None
