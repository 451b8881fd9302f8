// What the agent says, in the page's language. It says everything in English, and beside it what the sentence is made
// of (`said`, docs/http.md); sentences.json holds the wordings of every other language.

import { bytes, label, language, listed, locale } from "./words.js";

const SENTENCES = await (await fetch(new URL("sentences.json", import.meta.url))).json();

const TIME = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const DATE = { year: "numeric", month: "long", day: "numeric" };
const WALL = { time: TIME, day_time: { weekday: "long", ...TIME }, date: DATE, date_time: { ...DATE, ...TIME } };
const UNITS = [["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]];

/** The sentence in the page's language; in English where there are no other words for it. */
export const sentence = (english, said) => made(said) ?? english;

/** The same as properties of an element: a sentence that stayed English says so to whoever reads it out. */
export const spoken = (english, said) => ({ text: sentence(english, said), lang: made(said) === null ? "en" : null });

/** Why an act failed: the agent's own English sentence, or what its HTTP status means in another language. */
export function refusal({ message, status }) {
  const known = SENTENCES[language()]?.[`refusal.${status}`];
  return status === undefined ? message : sentence(message, { name: `refusal.${known ? status : "other"}`, facts: {} });
}

function made(said) {
  const template = said && SENTENCES[language()]?.[said.name];
  if (!template) return null;
  return template.replace(/\{(\w+)\}/g, (whole, name) => (name in said.facts ? written(said.facts[name]) : whole));
}

/** A fact as a person writes it. A plain text is a name, or somebody's own words, and stays as it is. */
function written(fact) {
  if (typeof fact === "string") return fact;
  if (typeof fact === "number") return fact.toLocaleString(locale(), { useGrouping: "min2" });
  if (fact.term) return label(...split(fact.term));
  if (fact.wall) return new Date(`${fact.wall}Z`).toLocaleString(locale(), { ...WALL[fact.style], timeZone: "UTC" });
  if ("length_s" in fact) return length(fact.length_s);
  if ("size_bytes" in fact) return bytes(fact.size_bytes);
  if (fact.hours) return listed(fact.hours.map((span) => span.join("–")));
  if (fact.lang) return nameOfLanguage(fact.lang);
  return sentence("", fact.said);
}

/** `format.boot_screen` as its group and its name, which may have dots of its own. */
const split = (term) => [term.slice(0, term.indexOf(".")), term.slice(term.indexOf(".") + 1)];

/** A span in the largest unit that divides it. */
function length(seconds) {
  const [unit, size] = UNITS.find(([, size]) => seconds % size === 0) ?? ["second", 1];
  return new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "long" }).format(seconds / size);
}

function nameOfLanguage(tag) {
  try {
    return new Intl.DisplayNames(locale(), { type: "language" }).of(tag);
  } catch {
    return tag; // no language tag at all, as an advertiser may write one
  }
}
