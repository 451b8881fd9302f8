// The day as it goes by: each scene with what was placed, left empty and refused in it, and why.

import { h } from "../page/dom.js";
import { sentence } from "../page/sentences.js";
import { inLanguage, label, language, onWall, t, wallTime } from "../page/words.js";

/** Every agent's decisions, oldest first, each with the device that made it. */
function decisionsOf(agents) {
  const ofOne = (agent) => agent.decisions.map((decision) => ({ kind: agent.kind, decision })).reverse();
  const all = [...agents.values()].flatMap(ofOne);
  return all.sort((a, b) => new Date(a.decision.at) - new Date(b.decision.at));
}

/** The decisions between this scene and the next one. */
function during(scenes, place, decisions) {
  const from = new Date(scenes[place].time);
  const until = place + 1 < scenes.length ? new Date(scenes[place + 1].time) : Infinity;
  return decisions.filter(({ decision }) => new Date(decision.at) >= from && new Date(decision.at) < until);
}

/** Show the scenes in `list`, keeping the newest in sight unless the reader looked elsewhere. */
export function showTimeline(list, scenes, agents) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  const decisions = decisionsOf(agents);
  const items = scenes.map((scene, place) => sceneItem(scene, during(scenes, place, decisions), place === scenes.length - 1));
  list.replaceChildren(...items);
  list.tabIndex = list.scrollHeight > list.clientHeight ? 0 : -1;
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function sceneItem(scene, decisions, now) {
  return h(
    "li",
    { class: "scene-item", "aria-current": now ? "time" : null },
    h("time", { datetime: scene.time, text: wallTime(scene.time) }),
    h(
      "div",
      {},
      h("h3", { text: inLanguage(scene.title) }),
      h("p", { class: "soft", text: inLanguage(scene.text) }),
      decisions.length ? h("ul", { class: "outcomes" }, ...decisions.map(outcomeItem)) : null,
    ),
  );
}

function outcomeItem({ kind, decision }) {
  const placed = decision.outcome === "selected";
  const why = placed ? decision.chosen.campaign_name : label("rule", decision.rule);
  const format = placed ? label("format", decision.chosen.format) : "";
  const detail = placed ? format : sentence(decision.detail, decision.said);
  return h(
    "li",
    {},
    h("span", { class: "chip", "data-outcome": decision.outcome, text: t(`outcome.${decision.outcome}`) }),
    h(
      "span",
      { class: "outcome-words" },
      h("strong", { text: why }),
      h("span", { class: "soft", text: ` · ${label("device", kind)}${detail ? ` · ${detail}` : ""}` }),
    ),
  );
}

/** Show the day as a bar of 24 hours with a mark for each decision. */
export function showBar(bar, scenes, agents) {
  const hour = (wall) => Number(wall.slice(11, 13)) + Number(wall.slice(14, 16)) / 60;
  const place = (iso) => (hour(onWall(iso)) / 24) * 100;
  const ticks = [0, 6, 12, 18, 24].map((hour) => at(h("span", { class: "tick", text: `${hour}` }), (hour / 24) * 100));
  const marks = scenes.map((scene) => at(h("i", { class: "scene-mark" }), place(scene.time)));
  const dots = decisionsOf(agents).map(({ decision }) =>
    at(h("i", { class: "dot", "data-outcome": decision.outcome }), place(decision.at)),
  );
  bar.replaceChildren(...ticks, ...marks, ...dots);
}

function at(element, percent) {
  element.style.left = `${percent}%`;
  return element;
}

/** Show the tables of the day's end. */
export function showTables(place, tables) {
  place.replaceChildren(
    ...tables.map((table) =>
      h(
        "div",
        { class: "scroll-x", tabindex: "0", role: "region", "aria-label": inLanguage(table.title) },
        h(
          "table",
          {},
          h("caption", { text: inLanguage(table.title) }),
          h("thead", {}, h("tr", {}, ...table.columns.map((column) => h("th", { scope: "col", text: inLanguage(column) })))),
          h("tbody", {}, ...table.rows.map((row) => h("tr", {}, ...row.map((cell) => h("td", { text: cellText(cell) }))))),
        ),
      ),
    ),
  );
}

/** A cell: a number, words in each language, or one of the agent's own sentences. */
function cellText(cell) {
  if (typeof cell === "number") return cell.toLocaleString(language());
  return cell?.said ? sentence(cell.en, cell.said) : inLanguage(cell);
}
