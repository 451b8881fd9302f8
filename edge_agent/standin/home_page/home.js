// The home: three devices side by side, the day as it goes by, and what the collector sees of it.

import { drawDevice, microphoneMark } from "../page/devices.js";
import { h, say } from "../page/dom.js";
import { light } from "../page/light.js";
import { act, after, follow, unknown } from "../page/live.js";
import { remoteControl } from "../page/remote.js";
import { refusal } from "../page/sentences.js";
import { label, languageSwitch, onLanguage, t, translate, useClockOf, wallDate, wallTime } from "../page/words.js";
import { showCollector } from "./collector.js";
import { showBar, showTables, showTimeline } from "./timeline.js";

const $ = (id) => document.getElementById(id);
const agents = new Map();
const stations = new Map();
let day = { scenes: [], collector: {}, tables: [] };

const pageOf = (name) => `agents/${name}/`;
const plays = (agent) => Boolean(agent.online && agent.state?.playing);
const close = (name) => act(pageOf(name), "press", { button: "close" }).catch((error) => say($("announcer"), refusal(error)));

function station({ name, kind }) {
  const base = pageOf(name);
  const drawn = drawDevice(kind, base, () => close(name));
  const title = h("h3", { id: `title-${name}` });
  const facts = h("p", { class: "facts" });
  const last = h("p", { class: "last" });
  const link = h("a", { href: base, id: `open-${name}`, "aria-labelledby": `open-${name} title-${name}`, "data-t": "home.open", text: t("home.open") });
  const furniture = h("div", { class: `furniture ${kind}-stand`, "aria-hidden": "true" });
  const view = kind === "speaker" ? h("div", { class: "window", "aria-hidden": "true" }, h("i", { class: "sun" })) : null;
  const scene = h("div", { class: `scene ${kind}-scene` }, view, drawn.element, furniture);
  const caption = h("div", { class: "caption" }, h("div", { class: "caption-head" }, title, facts), last, link);
  $("room").append(h("article", { class: "station", "data-kind": kind }, scene, caption));
  return {
    show(agent, message) {
      drawn.show(agent, message);
      say(title, label("device", kind));
      facts.replaceChildren(microphoneMark(agent), ...heardBy(agent));
      last.replaceChildren(...lastDecision(agent));
    },
  };
}

function heardBy(agent) {
  const heard = agent.heard ?? agent.state?.heard;
  return heard ? [h("span", { class: "heard-line" }, `${t("heard")} “${heard.phrase}”`)] : [];
}

function lastDecision(agent) {
  const decision = agent.decisions[0];
  if (!decision) return [h("span", { class: "soft", text: t("decision.none") })];
  const why = decision.rule ? label("rule", decision.rule) : decision.chosen.campaign_name;
  return [
    h("span", { class: "chip", "data-outcome": decision.outcome, text: t(`outcome.${decision.outcome}`) }),
    h("span", { text: ` ${why}` }),
  ];
}

function showClock() {
  const times = [...agents.values()].filter((agent) => agent.online).map((agent) => agent.state.now);
  const scene = day.scenes.at(-1)?.time;
  const now = times.length ? times.reduce((a, b) => (Date.parse(a) > Date.parse(b) ? a : b)) : scene;
  if (!now) return;
  useClockOf(now);
  say($("time"), wallTime(now));
  say($("date"), wallDate(now));
  light($("room"), now);
}

let drawing = false;

/** Draw the timeline soon; many messages that come together are drawn once. */
function showDay() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    $("waiting").hidden = day.scenes.length > 0;
    showTimeline($("timeline"), day.scenes, agents);
    showBar($("day-bar"), day.scenes, agents);
  });
}

function onAgent(name, agent, news) {
  agents.set(name, agent);
  stations.get(name).show(agent, news);
  showClock();
  if (news === null || ["snapshot", "decision"].includes(news.type)) showDay();
}

function onHome(message) {
  if (message.type === "day") {
    day = message;
    for (const { name, kind } of message.agents) {
      if (stations.has(name)) continue;
      stations.set(name, station({ name, kind }));
      onAgent(name, unknown(kind), null);
    }
  }
  if (message.type === "agent") {
    const agent = agents.get(message.name);
    onAgent(message.name, message.message === null ? { ...agent, online: false } : after(agent, message.message), message.message);
    return;
  }
  if (message.type === "scene") {
    day.scenes.push(message.scene);
    showClock();
  }
  if (message.type === "collector") day.collector = message.collector;
  if (message.type === "finished") day.tables = message.tables;
  showAll();
}

function showAll() {
  showDay();
  showCollector($("collector"), day.collector);
  $("finished").hidden = day.tables.length === 0;
  showTables($("tables"), day.tables);
}

const playing = () => [...agents].filter(([, agent]) => plays(agent)).map(([name]) => name);
remoteControl(() => playing().forEach(close), () => playing().length > 0);
languageSwitch($("language"));
onLanguage(() => {
  translate();
  for (const [name, agent] of agents) stations.get(name).show(agent, null);
  showClock();
  showAll();
});
follow("home/events", onHome, () => {
  for (const [name, agent] of agents) onAgent(name, { ...agent, online: false }, null);
});
