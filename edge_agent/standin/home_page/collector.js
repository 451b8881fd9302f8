// What the collector sees: sealed bytes, randomised answers, and what the sum of them tells about many homes.

import { h, icon, ICONS } from "../page/dom.js";
import { bytes, inLanguage, label, language, t } from "../page/words.js";

const MAX_ANSWERS = 12;

/** Show what the collector has so far in `place`. */
export function showCollector(place, seen) {
  place.replaceChildren(sealed(seen), ...answers(seen), ...estimates(seen), ...simulated(seen));
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
    h("p", { class: "soft", text: count ? size(seen.sealed_bytes) : t("home.sealed.none") }),
    sample,
  );
}

const size = (sealedBytes) => (sealedBytes ? t("home.sealed.bytes", { bytes: bytes(sealedBytes) }) : "");

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
  const homes = seen.homes || Math.max(...seen.estimates.map((row) => row.high), 1);
  return [
    h("h3", { text: t("home.estimates") }),
    h("p", { class: "soft", text: t("home.estimates.note", { homes: number(homes) }) }),
    ...chart(seen.estimates, homes),
  ];
}

function simulated(seen) {
  if (!seen.simulated?.length) return [];
  return [
    h("h3", { text: t("home.simulated") }),
    h("p", { class: "soft", text: t("home.simulated.note") }),
    ...chart(seen.simulated, 1),
  ];
}

function chart(rows, homes) {
  const anyTruth = rows.some(({ truth }) => truth !== null && truth !== undefined);
  return [
    h("ul", { class: "estimates" }, ...rows.map((row) => estimate(row, row.of ?? homes))),
    h(
      "p",
      { class: "legend" },
      h("span", { class: "key-interval", text: t("home.interval") }),
      h("span", { class: "key-estimate", text: t("home.estimate") }),
      anyTruth ? h("span", { class: "key-truth", text: t("home.truth") }) : null,
    ),
  ];
}

function estimate(row, homes) {
  const known = row.truth !== null && row.truth !== undefined;
  // Taking the noise out of few answers can overshoot what is possible; the nearest possible value is shown.
  const likely = Math.min(row.high, Math.max(row.low, row.estimate));
  const words = { label: inLanguage(row.label), answer: label("answer", row.answer), estimate: number(likely) };
  for (const name of ["low", "high"]) words[name] = number(row[name]);
  const said = t("home.row", words) + (known ? t("home.row.truth", { truth: number(row.truth) }) : "");
  const share = (value) => Math.min(100, Math.max(0, (value / homes) * 100));
  const at = (className, value) => {
    const mark = h("i", { class: className });
    mark.style.left = `${share(value)}%`;
    return mark;
  };
  const bar = at("interval", row.low);
  bar.style.width = `${Math.max(share(row.high) - share(row.low), 0.6)}%`;
  const marks = [bar, at("point", likely), known ? at("truth", row.truth) : null];
  return h(
    "li",
    {},
    h("p", { class: "row-head" }, h("span", {}, words.label, h("span", { class: "soft", text: ` · ${words.answer}` })), h("b", { text: words.estimate })),
    h("div", { class: "scale", role: "img", "aria-label": said }, ...marks),
  );
}

const number = (value) => Number(value).toLocaleString(language(), { maximumFractionDigits: value < 100 ? 1 : 0 });
const spaced = (hex) => (hex.match(/.{1,4}/g) ?? []).join(" ");
