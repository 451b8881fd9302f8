// The three devices, drawn: a TV, a speaker and a fridge that show what their agent's virtual hardware does.

import { h, icon, ICONS, say } from "./dom.js";
import { sentence } from "./sentences.js";
import { inLanguage, t, wallDate, wallTime } from "./words.js";

const LINGER_MS = 6000;
/** A clock that jumps this far begins another scene, in which what was said before is over. */
const JUMP_MS = 90_000;

/**
 * Draw a device.
 * @param {"tv" | "speaker" | "fridge"} kind
 * @param {string} base the agent's address, which ends in a slash
 * @param {() => void} close what its close button does
 * @returns {{element: HTMLElement, show: (agent: object, message: object | null) => void}}
 */
export function drawDevice(kind, base, close) {
  const screen = kind === "speaker" ? null : drawScreen(base, close);
  const bubbles = drawBubbles();
  const drawn = { tv: drawTv, speaker: drawSpeaker, fridge: drawFridge }[kind](screen?.element, close);
  const element = h("div", { class: `device ${kind}` }, drawn, bubbles.element);
  return {
    element,
    show(agent, message) {
      const state = agent.state;
      const microphone = state?.microphone ?? "off";
      element.dataset.online = agent.online;
      element.dataset.powered = agent.online && (state?.powered ?? false);
      element.dataset.mic = agent.online ? microphone : "off";
      element.dataset.speaking = agent.online && (agent.speaker?.speaking ?? false);
      element.dataset.playing = agent.online && Boolean(state?.playing);
      element.dataset.call = state?.call_in_progress ?? false;
      screen?.show(agent);
      bubbles.show(agent, message);
    },
  };
}

function drawTv(screen) {
  return h(
    "div",
    { class: "tv-set" },
    h("div", { class: "tv-glow", "aria-hidden": "true" }),
    h("div", { class: "tv-panel" }, screen, h("i", { class: "lamp", "aria-hidden": "true" })),
    h("div", { class: "tv-feet", "aria-hidden": "true" }, h("i"), h("i")),
  );
}

function drawSpeaker(_, close) {
  const waves = h("div", { class: "waves", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
  const body = h(
    "div",
    { class: "speaker-body", "aria-hidden": "true" },
    h("div", { class: "speaker-cloth" }),
    h("div", { class: "speaker-top" }, h("div", { class: "ring" })),
  );
  return h("div", { class: "speaker-set" }, waves, body, closeButton("speaker-close", close));
}

function drawFridge(screen) {
  const hidden = { "aria-hidden": "true" };
  return h(
    "div",
    { class: "fridge-set" },
    h("div", { class: "fridge-door upper" }, h("i", { class: "handle", ...hidden }), h("div", { class: "fridge-panel" }, screen)),
    h("div", { class: "fridge-door lower" }, h("i", { class: "handle", ...hidden })),
    h("div", { class: "fridge-feet", ...hidden }, h("i"), h("i")),
  );
}

function closeButton(className, close) {
  const words = h("span", { class: "close-words", "data-t": "button.close", text: t("button.close") });
  return h(
    "button",
    { class: `close ${className}`, type: "button", "data-t-label": "button.close.long", "aria-label": t("button.close.long"), on: { click: close } },
    icon(ICONS.close),
    words,
  );
}

/** The virtual screen: the device's own quiet picture, and over it what its `show` hook shows. */
function drawScreen(base, close) {
  const time = h("span", { class: "clock-time" });
  const date = h("span", { class: "clock-date" });
  const still = h("div", { class: "own-picture" }, h("div", { class: "own-clock" }, time, date));
  const picture = h("div", { class: "poster" });
  const tag = h("span", { class: "ad-tag" });
  const pills = h("div", { class: "pills" });
  const button = closeButton("screen-close", close);
  const element = h("div", { class: "screen" }, still, picture, pills, tag, button);
  let shown = null;
  return {
    element,
    show(agent) {
      const { state, screen } = agent;
      say(time, wallTime(state?.now));
      say(date, wallDate(state?.now));
      const asset = agent.online && screen?.on ? screen.asset : null;
      element.dataset.ad = Boolean(agent.online && screen?.on);
      const name = screen?.title || screen?.advertiser || "";
      say(tag, name ? t("ad.by", { name }) : t("ad"));
      showPills(pills, state);
      if (asset === shown) return;
      shown = asset;
      picture.replaceChildren(...(asset ? [media(base + asset, screen)] : []));
    },
  };
}

function media(address, screen) {
  if (screen.mime?.startsWith("video/")) return h("video", { src: address, autoplay: true, muted: true, playsinline: true });
  return h("img", { src: address, alt: screen.transcript || screen.title });
}

function showPills(pills, state) {
  const wanted = [
    [state?.call_in_progress, "pill.call", ICONS.call],
    [state?.do_not_disturb, "pill.dnd", ICONS.moon],
    [state?.media_playing, "pill.media", ICONS.sound],
  ].filter(([on]) => on);
  const key = wanted.map(([, words]) => t(words)).join();
  if (pills.dataset.key === key) return;
  pills.dataset.key = key;
  pills.replaceChildren(...wanted.map(([, words, path]) => h("span", { class: "pill" }, icon(path), t(words))));
}

/** What was said and what was heard, beside the device that did; read out politely, gone after a while. */
function drawBubbles() {
  const heard = h("p", { class: "bubble heard" });
  const said = h("p", { class: "bubble said" });
  const element = h("div", { class: "bubbles", "aria-live": "polite" }, heard, said);
  let saying = null;
  const timers = new Map();
  let before = null;
  const close = (bubble) => {
    clearTimeout(timers.get(bubble));
    bubble.dataset.open = false;
    say(bubble, "");
  };
  const open = (bubble, text) => {
    clearTimeout(timers.get(bubble));
    say(bubble, text);
    bubble.dataset.open = true;
  };
  const fade = (bubble) => {
    clearTimeout(timers.get(bubble));
    timers.set(bubble, setTimeout(close, LINGER_MS, bubble));
  };
  return {
    element,
    show(agent, message) {
      const now = Date.parse(agent.state?.now);
      if (Math.abs(now - before) > JUMP_MS) for (const bubble of [heard, said]) close(bubble);
      before = now;
      if (message?.type === "heard") {
        open(heard, inLanguage(message.heard.phrase));
        fade(heard);
      }
      if (message?.type === "why") {
        open(said, sentence(message.reason, message.said));
        fade(said);
      }
      const speaking = Boolean(agent.online && agent.speaker?.speaking);
      const words = speaking ? agent.speaker.transcript : null;
      if (speaking && words !== saying) open(said, words);
      if (saying !== null && !speaking) fade(said);
      saying = words;
    },
  };
}

/** The microphone's state as an icon and words: never colour alone. */
export function microphoneMark(agent) {
  const microphone = agent.state?.microphone ?? "off";
  const open = agent.online && microphone === "listening";
  return h(
    "span",
    { class: "mark", "data-mic": agent.online ? microphone : "off" },
    icon(open ? ICONS.mic : ICONS.micOff),
    t(agent.online ? `mic.${microphone}` : "home.offline"),
  );
}
