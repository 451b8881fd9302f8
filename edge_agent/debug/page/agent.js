// One agent's own page: its device, what happens in the room, and every decision with its reason.

import { buttons, consentSwitches } from "./buttons.js";
import { drawDevice, microphoneMark } from "./devices.js";
import { h, icon, ICONS, say } from "./dom.js";
import { light } from "./light.js";
import { showDecision, showDecisions, showPacks, showPlays } from "./lists.js";
import { act, followAgent } from "./live.js";
import { remoteControl } from "./remote.js";
import { refusal, spoken } from "./sentences.js";
import { bytes, label, language, languageSwitch, listed, onLanguage, t, translate, useClockOf, wallDay, wallTime } from "./words.js";

const $ = (id) => document.getElementById(id);
const BASE = "./";
const TOKEN = "edge-agent.token";

let token = tokenFromAddress() ?? kept();
let agent = null;
let device = null;

/** A token in the address (`#token=…`) is kept for this tab and taken out of sight at once. */
function tokenFromAddress() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    history.replaceState(null, "", location.pathname);
    keep(given);
  }
  return given;
}

function kept() {
  try {
    return sessionStorage.getItem(TOKEN);
  } catch {
    return null;
  }
}

function keep(given) {
  try {
    sessionStorage.setItem(TOKEN, given);
  } catch {
    // It holds until the page is left.
  }
}

/** Act with that token from now on; with none, ask for one. */
function unlockWith(given) {
  token = given;
  keep(given);
  show(agent, null);
}

/** Do something, and say what came of it. */
async function perform(path, body) {
  try {
    const answer = await act(BASE, path, body, token);
    const decision = answer.decision;
    const why = decision?.rule ? label("rule", decision.rule) : decision?.chosen?.campaign_name;
    say($("answer"), decision ? `${t(`outcome.${decision.outcome}`)}: ${why}` : t("status.ok"));
  } catch (error) {
    if (error.status === 401 || error.status === 403) unlockWith(""); // a wrong token must not keep the right one out
    say($("answer"), t("status.failed", { why: refusal(error) }));
  }
}

const close = () => perform("press", { button: "close" });

function show(next, message) {
  agent = next;
  $("offline").hidden = agent.online || agent.state === null;
  if (agent.state === null) return;
  if (device === null) {
    device = drawDevice(agent.kind, BASE, close);
    $("device").replaceChildren(device.element);
    $("device").dataset.kind = agent.kind;
  }
  useClockOf(agent.state.now);
  light($("stage"), agent.state.now);
  device.show(agent, message);
  const mayAct = agent.online && (agent.mayAct || Boolean(token));
  $("unlock").hidden = mayAct || !agent.online;
  const title = (language() === agent.state.device.lang && agent.state.device.title) || label("device", agent.kind);
  say($("title"), title);
  say($("identity"), `· ${agent.state.device.id}`);
  document.title = `${title} · Edge Agent`;
  showFacts();
  buttons($("buttons"), agent, mayAct, perform);
  consentSwitches($("consent"), agent, mayAct, perform);
  const shows = { decision: showDecision, decisions: showDecisions, plays: showPlays, packs: showPacks };
  if (message?.type === "state") return;
  for (const [id, draw] of Object.entries(shows)) draw($(id), agent);
}

function showFacts() {
  const { state } = agent;
  const heard = agent.heard ?? state.heard;
  const rows = [
    ["status.microphone", microphoneMark(agent), soundButton()],
    ["heard", heard ? h("strong", { class: "heard-line", text: `“${heard.phrase}”` }) : t("heard.none")],
    ["status.listens", agent.online && state.phrases.length && state.microphone !== "off" ? listed(state.phrases.map((phrase) => `“${phrase}”`)) : t("status.nothing")],
    ["status.playing", agent.online && state.playing ? `${state.playing.campaign_name} · ${label("format", state.playing.format)}` : t("status.nothing")],
    ["status.broker", agent.online ? `${state.link.broker} · ${t(`link.${state.link.status}`)}` : state.link.broker],
    ["status.clock", `${wallTime(state.now)}${state.clock_trusted ? "" : ` · ${t("clock.untrusted")}`}`],
  ];
  if (state.staged) rows.splice(4, 0, ["status.staged", state.staged]);
  if (state.asset_sources.length > 1) rows.push(["status.assets", ...state.asset_sources.map(assetSource)]);
  if (state.problems.length) rows.push(["status.problems", ...state.problems.map(problem)]);
  const facts = h("dl", {}, ...rows.flatMap(([words, ...what]) => [h("dt", { text: t(words) }), h("dd", {}, ...what.filter(Boolean))]));
  if (facts.innerHTML === $("facts").innerHTML) return; // what has the focus, or is being copied, stays
  const focused = $("facts").contains(document.activeElement);
  $("facts").replaceChildren(...facts.children);
  if (focused) $("facts").querySelector("button")?.focus();
}

/** Say where files come from: a mirror and what is wrong with it, or the broker. */
function assetSource({ kind, url, received_bytes: received, lacks, problem, problem_said: said }) {
  const words = [kind === "broker" ? t("status.broker") : url, bytes(received)];
  if (lacks) words.push(t("assets.lacks", { count: lacks }));
  return h("div", {}, words.join(" · "), problem ? h("div", { class: "soft", ...spoken(problem, said) }) : null);
}

/** Say what does not work, since when, and what to do about it. */
function problem({ what, next_step: nextStep, since, said }) {
  const soft = h("span", { class: "soft", text: ` ${t("problem.since", { time: since.slice(0, 10) === agent.state.now.slice(0, 10) ? wallTime(since) : wallDay(since) })}` });
  return h("div", {}, h("span", spoken(`${what} ${nextStep}`.trim(), said)), soft);
}

/** Let a person hear what the virtual speaker last played. */
function soundButton() {
  const sound = agent.speaker?.sound;
  if (!sound) return null;
  const play = () => new Audio(BASE + sound).play().catch(() => say($("answer"), t("status.failed", { why: t("status.silent") })));
  return h("button", { class: "button quiet", type: "button", "data-sound": sound, on: { click: play } }, icon(ICONS.sound), t("button.listen"));
}

$("unlock").addEventListener("submit", (event) => {
  event.preventDefault();
  unlockWith($("token").value.trim());
});

remoteControl(close, () => Boolean(agent?.online && agent.state?.playing));
languageSwitch($("language"));
onLanguage(() => {
  translate();
  if (agent) show(agent, null);
});
followAgent(BASE, "tv", show);
