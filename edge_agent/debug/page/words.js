// What the page says, in English and Chinese. Both languages hold the same keys; a test keeps them so.

const WORDS = await (await fetch(new URL("words.json", import.meta.url))).json();
const KEPT = "edge-agent.lang";

const listeners = new Set();
let current = preferred();

function preferred() {
  try {
    const kept = localStorage.getItem(KEPT);
    if (kept in WORDS) return kept;
  } catch {
    // Storage may be closed to us; the browser's own language is a good guess.
  }
  return (navigator.languages ?? [navigator.language]).some((tag) => /^zh\b/i.test(tag)) ? "zh" : "en";
}

/** The language that is shown: `en` or `zh`. */
export const language = () => current;

/** The same as a tag for numbers, dates and readers. */
export const locale = () => (current === "zh" ? "zh-CN" : "en-GB");

/** The words for `key`, with `{name}` filled in. A key without words shows itself, so that it is noticed. */
export function t(key, values = {}) {
  const words = WORDS[current][key] ?? WORDS.en[key] ?? key;
  return words.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** The label of one of the agent's own terms, such as rule `quiet_hours`; a new one is shown as it is written. */
export function label(group, name) {
  const key = `${group}.${name}`;
  return key in WORDS[current] ? WORDS[current][key] : String(name).replaceAll("_", " ");
}

/** A text that may come in one language or as `{en, zh}`. */
export const inLanguage = (text) => (typeof text === "string" ? text : (text?.[current] ?? text?.en ?? ""));

/** Call `listener` now and whenever the language changes. */
export function onLanguage(listener) {
  listeners.add(listener);
  listener();
}

/** Change the language, and remember it in this browser. */
export function speak(lang) {
  current = lang;
  try {
    localStorage.setItem(KEPT, lang);
  } catch {
    // It holds for this visit.
  }
  translate();
  for (const listener of listeners) listener();
}

/** Fill every element that names its words with `data-t` (text) or `data-t-label` (its accessible name). */
export function translate(root = document) {
  document.documentElement.lang = current === "zh" ? "zh-CN" : "en";
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of root.querySelectorAll("[data-t-label]")) element.setAttribute("aria-label", t(element.dataset.tLabel));
}

/** Make a button switch between the two languages. */
export function languageSwitch(button) {
  button.addEventListener("click", () => speak(current === "zh" ? "en" : "zh"));
  onLanguage(() => {
    button.textContent = t("lang.other");
    button.lang = current === "zh" ? "en" : "zh-CN";
    button.setAttribute("aria-label", t("lang.switch"));
  });
}

let offsetMinutes = 0;

/** Take the offset of the device's own clock from one of its times; every time is shown on that clock. */
export function useClockOf(iso) {
  const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)$/.exec(iso) ?? [null, "+", 0, 0];
  offsetMinutes = (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

/** The same moment on the device's own wall, as `YYYY-MM-DDTHH:MM:SS`; the browser's zone has no say. */
export const onWall = (iso) => new Date(Date.parse(iso) + offsetMinutes * 60_000).toISOString().slice(0, 19);

/** `HH:MM` on the device's own wall. */
export const wallTime = (iso) => (iso ? onWall(iso).slice(11, 16) : "");

/** The date on the device's own wall, written for a person. */
export function wallDate(iso) {
  if (!iso) return "";
  return new Date(`${onWall(iso)}Z`).toLocaleDateString(locale(), {
    weekday: "long",
    day: "numeric",
    month: "long",
    timeZone: "UTC",
  });
}

/** The day on the device's own wall: `YYYY-MM-DD`, or as the language writes it. */
export function wallDay(iso) {
  const day = onWall(iso).slice(0, 10);
  if (current === "en") return day;
  return new Date(day).toLocaleDateString(locale(), { year: "numeric", month: "long", day: "numeric", timeZone: "UTC" });
}

/** Names one after another. */
export const listed = (names) => names.join(current === "zh" ? "、" : ", ");

/** A size for a person. */
export function bytes(count) {
  if (count < 1024) return `${count} B`;
  const [size, unit] = count < 1024 * 1024 ? [count / 1024, "KiB"] : [count / 1024 / 1024, "MiB"];
  return `${size.toLocaleString(current, { maximumFractionDigits: size < 10 ? 1 : 0 })} ${unit}`;
}
