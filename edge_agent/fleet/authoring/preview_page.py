"""The page of a preview: every creative as devices show and say it, with what was found beside it. Pure.

One file without scripts, so that it opens from a disk, a stick or a mail. Both languages are in it; which of them is
shown, and whether the safe areas are, are form controls that CSS looks at. Everything from the pack is escaped.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from typing import Final

from edge_agent.fleet.authoring.finding import Finding, Level
from edge_agent.fleet.authoring.loudness import Loudness
from edge_agent.fleet.authoring.pack_folder import PackFolder
from edge_agent.fleet.authoring.picture import ACTION_SAFE, TITLE_SAFE
from edge_agent.model.campaign import Creative, LineItem, Turn


@dataclass(frozen=True, slots=True)
class Screen:
    """One size of screen: the file that it shows, and the devices that have it, each with why it is not for them."""

    file: str
    mime: str
    w: int
    h: int
    devices: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sound:
    """One sound: its file, how long it is, and how loud."""

    file: str
    dur: timedelta
    loudness: Loudness


@dataclass(frozen=True, slots=True)
class Shown:
    """One creative: its screens, and its sounds by asset name."""

    creative: Creative
    screens: tuple[Screen, ...]
    sounds: Mapping[str, Sound]


_ZH: Final = {
    "Preview": "预览",
    "Show safe areas": "显示安全区",
    "Everything in order": "未发现问题",
    "Error": "错误",
    "Warning": "提醒",
    "When it runs": "投放时间",
    "Moments": "时机",
    "What it says": "文字内容",
    "Follow-up": "后续对话",
    "Companion page": "配套页面",
    "Dialogue": "对话",
    "ends": "结束",
    "shows the companion page": "显示配套页面",
    "back to": "回到",
    "seconds": "秒",
    "silent": "无声",
    "would not be placed": "不会投放",
    "no device has this format": "没有设备支持此形式",
    "Assumed": "自动补全",
    "boot_screen": "开机画面",
    "standby_screen": "待机画面",
    "idle_poster": "闲置海报",
    "pause_screen": "暂停画面",
    "voice_mention": "语音提及",
    "voice_dialogue": "语音对话",
    "companion_page": "配套页面",
}

_STYLE: Final = f"""
:root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }}
body {{ margin: 0 auto; padding: 1rem; max-width: 70rem; overflow-wrap: anywhere; }}
body:has(#en:checked) [lang=zh], body:has(#zh:checked) [lang=en] {{ display: none; }}
nav {{ display: flex; flex-wrap: wrap; gap: 1rem; }}
label {{ padding: .25rem 0; }}
:focus-visible {{ outline: 3px solid Highlight; outline-offset: 2px; }}
h1, h2 {{ line-height: 1.2; }}
article {{ border-top: 1px solid; margin-top: 2rem; }}
blockquote {{ margin: 1rem 0; font-size: 1.25rem; }}
.screens {{ display: flex; flex-wrap: wrap; align-items: flex-start; gap: 1.5rem; margin-block: 1rem; }}
figure {{ margin: 0; max-width: min(100%, 40rem); }}
figcaption {{ margin-top: .5rem; }}
.screen {{ position: relative; width: fit-content; border: .35rem solid #555; border-radius: .5rem; }}
.screen > * {{ display: block; border: 0; max-width: 100%; max-height: min(80vh, 40rem); }}
.screen > iframe {{ width: 40rem; }}
.screen::before, .screen::after {{ content: ""; position: absolute; display: none; pointer-events: none; }}
.screen::before {{ inset: {ACTION_SAFE:.1%}; outline: 2px dashed #f80; }}
.screen::after {{ inset: {TITLE_SAFE:.0%}; outline: 2px solid #0c0; }}
body:has(#safe:checked) .screen::before, body:has(#safe:checked) .screen::after {{ display: block; }}
audio {{ width: 100%; max-width: 30rem; }}
.error, .warning {{ border-inline-start: .4rem solid; padding-inline-start: .6rem; list-style: none; }}
li + li {{ margin-block-start: .5rem; }}
.error {{ border-color: #c00; }}
.warning {{ border-color: #b80; }}
ul {{ padding-inline-start: 0; }}
details ul {{ padding-inline-start: 1.5rem; }}
section details {{ border-inline-start: 2px solid; padding-inline-start: 1rem; }}
"""


def page(pack: PackFolder, shown: Sequence[Shown], findings: Sequence[Finding]) -> str:
    """Return the whole page."""
    campaign = pack.campaign
    title = escape(campaign.name)
    body = "".join(_article(one, pack, findings) for one in shown)
    own = {name for one in shown for name in _places(one.creative, pack)}
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style>"
        f"<header><nav>{_controls()}</nav><h1>{title}</h1>"
        f"<p>{escape(campaign.advertiser)} · {escape(', '.join(campaign.adomain))}</p></header><main>"
        f"{_findings([finding for finding in findings if finding.where not in own])}"
        f"{_assumed(pack)}{body}</main></html>\n"
    )


def _controls() -> str:
    return (
        '<label lang="und"><input type="radio" name="lang" id="en" checked> English</label>'
        '<label lang="und"><input type="radio" name="lang" id="zh"> 中文</label>'
        f'<label lang="und"><input type="checkbox" id="safe"> {_both("Show safe areas")}</label>'
    )


def _both(text: str) -> str:
    return f'<span lang="en">{escape(text.replace("_", " "))}</span><span lang="zh">{escape(_ZH[text])}</span>'


def _findings(findings: Sequence[Finding]) -> str:
    names = {Level.ERROR: _both("Error"), Level.WARNING: _both("Warning")}
    rows = [
        f'<li class="{finding.level}"><strong>{names[finding.level]}</strong> {escape(str(finding))}</li>'
        for finding in findings
    ]
    return f"<ul>{''.join(rows)}</ul>" if rows else ""


def _assumed(pack: PackFolder) -> str:
    rows = "".join(f"<li>{escape(sentence)}</li>" for sentence in pack.assumed)
    return f"<details><summary>{_both('Assumed')}</summary><ul>{rows}</ul></details>" if rows else ""


def _places(creative: Creative, pack: PackFolder) -> set[str]:
    booked = {f"line item {item.id}" for item in _line_items(creative, pack)}
    return {creative.crid, *creative.asset_names(), *booked}


def _line_items(creative: Creative, pack: PackFolder) -> list[LineItem]:
    return [item for item in pack.campaign.line_items if creative.crid in item.crids]


def _article(shown: Shown, pack: PackFolder, findings: Sequence[Finding]) -> str:
    creative = shown.creative
    here = [finding for finding in findings if finding.where in _places(creative, pack)]
    parts = [
        f'<article id="{escape(creative.crid)}"><h2>{escape(creative.crid)} · {_both(creative.format)}</h2>',
        f'<blockquote lang="{escape(creative.lang)}">{escape(creative.transcript)}</blockquote>'
        if creative.lang not in {"en", "zh"}
        else f"<blockquote>{escape(creative.transcript)}</blockquote>",
        f"<p>{creative.dur.total_seconds():g} {_both('seconds')}</p>",
        _findings(here) or f"<p>✓ {_both('Everything in order')}</p>",
        f'<div class="screens">{"".join(map(_screen, shown.screens))}</div>' if shown.screens else "",
        "".join(_player(sound) for name, sound in shown.sounds.items() if name == creative.asset),
        _dialogue(shown) if creative.turns else "",
        *_links(creative),
        *(_booking(item) for item in _line_items(creative, pack)),
        "</article>",
    ]
    return "".join(parts)


def _screen(screen: Screen) -> str:
    file = escape(screen.file)
    if screen.mime.startswith("video/"):
        drawn = f'<video src="{file}" controls muted></video>'
    elif screen.mime == "text/html":
        shape = f"aspect-ratio:{screen.w or 16}/{screen.h or 9}"
        drawn = f'<iframe src="{file}" sandbox title="{file}" style="{shape}"></iframe>'
    else:
        drawn = f'<img src="{file}" alt="" loading="lazy">'
    devices = [
        escape(title) + (f" — {_both('would not be placed')}: {escape(trouble)}" if trouble else "")
        for title, trouble in screen.devices
    ] or [_both("no device has this format")]
    size = f"{screen.w} × {screen.h} · " if screen.w else ""
    return f'<figure><div class="screen">{drawn}</div><figcaption>{size}{"; ".join(devices)}</figcaption></figure>'


def _player(sound: Sound) -> str:
    level = sound.loudness.integrated
    heard = _both("silent") if level == -math.inf else f"{level:.1f} LUFS, {sound.loudness.true_peak:.1f} dBTP"
    length = f"{sound.dur.total_seconds():.1f} {_both('seconds')}"
    return f'<p><audio controls preload="metadata" src="{escape(sound.file)}"></audio><br>{length}, {heard}</p>'


def _dialogue(shown: Shown) -> str:
    """Return the dialogue as a tree; a turn that was reached before is named and not told again."""
    turns = {turn.id: turn for turn in shown.creative.turns}
    told: set[str] = set()

    def tell(turn: Turn) -> Iterator[str]:
        told.add(turn.id)
        yield f"<p><strong>{escape(turn.id)}</strong> {escape(turn.transcript)}</p>"
        if turn.say in shown.sounds:
            yield _player(shown.sounds[turn.say])
        for target in dict.fromkeys(turn.answers.values()):
            said = " / ".join(f"“{escape(phrase)}”" for phrase, leads in turn.answers.items() if leads == target)
            if target in turns and target not in told:
                yield f"<details open><summary>{said}</summary>{''.join(tell(turns[target]))}</details>"
            elif target in turns:
                yield f"<p>{said} → {_both('back to')} {escape(target)}</p>"
            else:
                yield f"<p>{said} → {_both('ends' if target == 'end' else 'shows the companion page')}</p>"

    return f"<section><h3>{_both('Dialogue')}</h3>{''.join(tell(shown.creative.turns[0]))}</section>"


def _links(creative: Creative) -> Iterator[str]:
    for label, crid in (("Follow-up", creative.follow_up), ("Companion page", creative.companion)):
        if crid is not None:
            yield f'<p>{_both(label)}: <a href="#{escape(crid)}">{escape(crid)}</a></p>'


def _booking(item: LineItem) -> str:
    flight = f"{item.flight.start:%Y-%m-%d %H:%M %Z} – {item.flight.end:%Y-%m-%d %H:%M %Z}"
    hours = ", ".join(f"{part.start:%H:%M}–{part.end:%H:%M}" for part in item.dayparts)
    moments = ", ".join(moment.replace("_", " ") for moment in item.targeting.moments)
    return (
        f"<p>{_both('When it runs')}: {escape(item.id)}, {flight}{'; ' + hours if hours else ''}. "
        f"{_both('Moments')}: {escape(moments)}</p>"
    )
