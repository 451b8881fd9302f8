// Decisions, plays and packs as a person reads them.

import { h } from "./dom.js";
import { sentence, spoken } from "./sentences.js";
import { bytes, label, listed, t, wallDay, wallTime } from "./words.js";

const LISTED = 12;

const chip = (outcome) => h("span", { class: "chip", "data-outcome": outcome, text: t(`outcome.${outcome}`) });
const reason = (decision) => (decision.rule ? label("rule", decision.rule) : decision.chosen.campaign_name);
const moment = ({ kind, topic }) => `${label("moment", kind)}${topic ? ` · ${label("topic", topic)}` : ""}`;

/** The newest decision, with why every other candidate was not chosen. */
export function showDecision(place, agent) {
  const decision = agent.decisions[0];
  if (place.dataset.key === `${decision?.id}${t("ad")}`) return;
  place.dataset.key = `${decision?.id}${t("ad")}`;
  if (!decision) {
    place.replaceChildren(h("p", { class: "soft", text: t("decision.none") }));
    return;
  }
  const others = decision.rejections.map((rejection) =>
    h(
      "li",
      {},
      h("strong", { text: rejection.campaign }),
      ` · ${rejection.crid} · ${label("rule", rejection.rule)} `,
      h("span", { class: "soft", ...spoken(rejection.detail, rejection.said) }),
    ),
  );
  place.replaceChildren(
    h("p", { class: "verdict" }, chip(decision.outcome), h("strong", { text: reason(decision) }), h("span", { class: "soft", text: `${moment(decision.moment)} · ${wallTime(decision.at)}` })),
    h("p", spoken(decision.detail, decision.said)),
    ...(others.length ? [h("h3", { text: t("decision.others") }), h("ul", { class: "rejections" }, ...others)] : []),
  );
}

export function showDecisions(place, agent) {
  table(place, "decision.none", ["column.time", "column.moment", "column.outcome", "column.why"], agent.decisions.slice(0, LISTED).map((decision) => [
    wallTime(decision.at),
    moment(decision.moment),
    chip(decision.outcome),
    reason(decision),
  ]));
}

export function showPlays(place, agent) {
  table(place, "plays.none", ["column.time", "column.what", "column.how"], agent.plays.slice(0, LISTED).map((play) => [
    wallTime(play.started_at),
    `${play.campaign} · ${label("format", play.format)}`,
    course(play),
  ]));
}

function course(play) {
  const events = play.events.map((event) => label("event", event.kind));
  if (!play.rendered) events.unshift(t("plays.unrendered"));
  const cause = play.close_cause ? ` (${label("cause", play.close_cause)})` : "";
  const why = play.events.find((event) => event.detail)?.detail;
  return h("div", {}, events.join(" → ") + cause, why ? h("div", { class: "soft", lang: "en", text: why }) : null);
}

/** What is wrong with a pack, or what it waits for; a sentence that is about all its creatives once. */
function hindrances(pack) {
  const revoked = Object.entries(pack.revoked).map(([crid, why]) => sentence(why, pack.revoked_said[crid]));
  return new Set([...revoked, sentence(pack.reason, pack.reason_said)].filter(Boolean));
}

/** What goes first when room gets short comes first; what has no room, or asks for none, last. */
const byPlace = (one, other) => (one.room?.place || Infinity) - (other.room?.place || Infinity) || 0;

export function showPacks(place, agent) {
  const packs = [...agent.packs].sort(byPlace);
  table(place, "packs.none", ["column.pack", "column.formats", "column.size", "column.state", "column.room"], packs.map((pack) => [
    pack.campaign_name,
    listed(pack.formats.map((format) => label("format", format))),
    bytes(pack.size_bytes),
    [
      pack.complete ? t("packs.complete") : t("packs.incomplete", { present: pack.assets_present, all: pack.assets }),
      t("packs.until", { date: wallDay(pack.flight_end) }),
      ...hindrances(pack),
    ].join(" · "),
    pack.room ? sentence(pack.room.why, pack.room.said) : "",
  ]));
}

function table(place, none, columns, rows) {
  if (!rows.length) {
    place.replaceChildren(h("p", { class: "soft", text: t(none) }));
    return;
  }
  place.replaceChildren(
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, ...columns.map((column) => h("th", { scope: "col", text: t(column) })))),
      h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((cell) => h("td", {}, cell))))),
    ),
  );
}
