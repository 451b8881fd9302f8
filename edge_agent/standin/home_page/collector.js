// What the collector sees: sealed bytes, randomised answers, and what the sum of them tells about many homes.

import { h, icon, ICONS } from "../page/dom.js";
import { bytes, label, language, t } from "../page/words.js";

const MAX_ANSWERS = 12;

/** Show what the collector has so far in `place`. */
export function showCollector(place, seen) {
  place.replaceChildren(sealed(seen), ...answers(seen), ...estimates(seen));
}

function sealed(seen) {
  const count = seen.sealed_messages ?? 0;
  const sample = seen.sample_hex
    ? h("p", { class: "cipher" }, h("span", { class: "soft", text: t("home.sealed.sample") }), h("code", { text: spaced(seen.sample_hex) }))
    : null;
  return h(
    "div",
    { class: "sealed" },
    icon(ICONS.seal, "icon envelope"),
    h("p", { class: "figure" }, h("strong", { text: number(count) }), h("span", { text: t("home.sealed") })),
    h("p", { class: "soft", text: count ? t("home.sealed.bytes", { bytes: bytes(seen.sealed_bytes ?? 0) }) : t("home.sealed.none") }),
    sample,
  );
}

function answers(seen) {
  if (!seen.answers?.length) return [];
  return [
    h("h3", { text: t("home.answers") }),
    h("p", { class: "soft", text: t("home.answers.note", { epsilon: number(seen.epsilon ?? 0) }) }),
    h(
      "ul",
      { class: "answers" },
      ...seen.answers.slice(0, MAX_ANSWERS).map(({ label: what, answer, count }) =>
        h("li", {}, h("span", { text: `${what}: ${label("answer", answer)}` }), h("b", { text: `× ${number(count)}` })),
      ),
    ),
  ];
}

function estimates(seen) {
  if (!seen.estimates?.length) return [];
  return [
    h("h3", { text: t("home.estimates") }),
    h("p", { class: "soft", text: t("home.estimates.note", { homes: number(seen.homes ?? 0) }) }),
    h("ul", { class: "estimates" }, ...seen.estimates.map(estimate)),
    h(
      "p",
      { class: "legend" },
      h("span", { class: "key-interval", text: t("home.interval") }),
      h("span", { class: "key-estimate", text: t("home.estimate") }),
      h("span", { class: "key-truth", text: t("home.truth") }),
    ),
  ];
}

function estimate(row) {
  const known = row.truth !== null && row.truth !== undefined;
  const words = { label: row.label, answer: label("answer", row.answer) };
  for (const name of ["estimate", "low", "high"]) words[name] = number(row[name]);
  const said = t("home.row", words) + (known ? t("home.row.truth", { truth: number(row.truth) }) : "");
  const bar = h("i", { class: "interval" });
  bar.style.left = `${clamp(row.low)}%`;
  bar.style.width = `${Math.max(clamp(row.high) - clamp(row.low), 0.6)}%`;
  const marks = [bar, at("point", row.estimate)];
  if (known) marks.push(at("truth", row.truth));
  return h(
    "li",
    {},
    h("p", { class: "row-head" }, h("span", {}, row.label, h("span", { class: "soft", text: ` · ${words.answer}` })), h("b", { text: words.estimate })),
    h("div", { class: "scale", role: "img", "aria-label": said }, ...marks),
  );
}

function at(className, value) {
  const mark = h("i", { class: className });
  mark.style.left = `${clamp(value)}%`;
  return mark;
}

const clamp = (value) => Math.min(100, Math.max(0, value));
const number = (value) => Number(value).toLocaleString(language(), { maximumFractionDigits: 1 });
const spaced = (hex) => (hex.match(/.{1,4}/g) ?? []).join(" ");
