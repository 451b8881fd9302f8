// Building and changing elements without markup in strings: text stays text, whatever an advertiser wrote.

/** Make an element. `props`: attributes; `class`, `text`, `on: {event: handler}` and booleans do what they say. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else if (name === "on") for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** Make a 24 × 24 line icon from SVG path data. It is decoration: what it means is said in words beside it. */
export function icon(path, className = "icon") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", className);
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/** Put `text` into `element` only when it changed, so that a live region does not repeat itself. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export const ICONS = {
  mic: "M12 3a3 3 0 0 0-3 3v6a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5 11a7 7 0 0 0 14 0M12 18v3",
  micOff: "M9 9v3a3 3 0 0 0 5 2.2M15 11V6a3 3 0 0 0-5.7-1.3M5 11a7 7 0 0 0 11.5 5.3M19 11a7 7 0 0 1-.6 2.8M12 18v3M4 3l16 18",
  close: "M6 6l12 12M18 6L6 18",
  power: "M12 3v8M6.3 6.8a8 8 0 1 0 11.4 0",
  idle: "M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  weather: "M7 18h10a4 4 0 0 0 .5-8A6 6 0 0 0 6 9.5 4.3 4.3 0 0 0 7 18zM9 21l.6-1M13 21l.6-1",
  call: "M6 3l3 .5 1.5 4L8.4 9.5a12 12 0 0 0 6 6l2-2.1 4 1.5.6 3.1a2 2 0 0 1-2 2.5A16 16 0 0 1 3.5 5a2 2 0 0 1 2.5-2z",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  thumb: "M7 4v9M7 13l4 7a2 2 0 0 0 2-2v-4h5a2 2 0 0 0 2-2.4l-1.3-6A2 2 0 0 0 16.7 4H7H4v9h3",
  sound: "M4 9v6h4l5 4V5L8 9H4zM16.5 8.5a5 5 0 0 1 0 7M19 6a9 9 0 0 1 0 12",
  tick: "M4 12.5l5 5L20 6.5",
  box: "M5 5h14v14H5z",
  seal: "M3 6h18v12H3zM3 6l9 7 9-7",
};
