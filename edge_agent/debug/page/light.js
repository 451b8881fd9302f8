// The light in the room at an hour of the simulated day: the wall, the sky in the window, and where the sun is.

import { onWall } from "./words.js";

/** Hour, wall (top, bottom), sky (top, bottom), floor, and how bright it is outside. */
const HOURS = [
  [0, "#2b2f3d", "#242732", "#0d1526", "#1c2a45", "#2a2622", 0],
  [5, "#33364a", "#2c2e3a", "#1b2a4a", "#4a4a6d", "#312b26", 0.05],
  [7, "#e6d3bf", "#dcc5ad", "#7fa5cc", "#f6c79a", "#9a7654", 0.7],
  [10, "#efe7da", "#e6dbca", "#7db5df", "#d4e8f3", "#ad8a64", 1],
  [15, "#f0e6d5", "#e7d9c3", "#79b1dd", "#dceaf0", "#ae8a63", 1],
  [18, "#e3c4a4", "#d6b190", "#5c77a3", "#f2a66c", "#8e6a4a", 0.55],
  [20, "#6e5b5c", "#5d4c4c", "#26304f", "#7a5a72", "#56422f", 0.2],
  [22, "#3a3844", "#312f39", "#111a2e", "#243252", "#30291f", 0.05],
  [24, "#2b2f3d", "#242732", "#0d1526", "#1c2a45", "#2a2622", 0],
];

/** Light `room` as it is there at the moment `iso`. */
export function light(room, iso) {
  const wall = onWall(iso);
  const hour = Number(wall.slice(11, 13)) + Number(wall.slice(14, 16)) / 60;
  const next = HOURS.findIndex(([start]) => start > hour);
  const [before, after] = [HOURS[next - 1], HOURS[next]];
  const share = (hour - before[0]) / (after[0] - before[0]);
  const names = ["--wall-top", "--wall-bottom", "--sky-top", "--sky-bottom", "--floor"];
  names.forEach((name, place) => room.style.setProperty(name, mix(before[place + 1], after[place + 1], share)));
  const day = before[6] + (after[6] - before[6]) * share;
  room.style.setProperty("--daylight", day.toFixed(3));
  const moon = hour < 6 || hour >= 19;
  const along = moon ? ((hour + 5) % 24) / 11 : (hour - 6) / 13;
  room.style.setProperty("--sun-x", `${10 + along * 80}%`);
  room.style.setProperty("--sun-y", `${78 - Math.sin(Math.PI * along) * 62}%`);
  room.dataset.moon = moon;
}

function mix(from, to, share) {
  const part = (text, place) => Number.parseInt(text.slice(1 + place * 2, 3 + place * 2), 16);
  const parts = [0, 1, 2].map((place) => Math.round(part(from, place) + (part(to, place) - part(from, place)) * share));
  return `rgb(${parts.join(" ")})`;
}
