// What a person can do on the page: press a button of the device, let something happen in the room, agree or not.

import { h, icon, ICONS } from "./dom.js";
import { t } from "./words.js";

/** Show the buttons that fit the device as it is now, keeping the focus where it was. */
export function buttons(place, agent, mayAct, perform) {
  const { state, kind } = agent;
  const turn = (name, on) => () => perform("state", { [name]: on });
  const arise = (moment, topic = "") => () => perform("moments", { kind: moment, topic });
  const switchOn = async () => {
    await perform("state", { powered: true });
    await perform("moments", { kind: "power_on" });
  };
  const muted = state.microphone === "muted";
  const wanted = [
    ["close", "button.close", ICONS.close, () => perform("press", { button: "close" }), { main: true }],
    ["not_interested", "button.not_interested", ICONS.thumb, () => perform("press", { button: "not_interested" })],
    kind !== "speaker" && (state.powered
      ? ["power", "button.power_off", ICONS.power, turn("powered", false)]
      : ["power", "button.power_on", ICONS.power, switchOn]),
    kind !== "speaker" && ["idle", "button.idle", ICONS.idle, arise("idle")],
    kind !== "fridge" && ["weather", "button.weather", ICONS.weather, arise("assistant_answered", "weather")],
    ["call", state.call_in_progress ? "button.call.off" : "button.call.on", ICONS.call,
      turn("call_in_progress", !state.call_in_progress), { pressed: state.call_in_progress }],
    ["dnd", state.do_not_disturb ? "button.dnd.off" : "button.dnd.on", ICONS.moon,
      turn("do_not_disturb", !state.do_not_disturb), { pressed: state.do_not_disturb }],
    state.microphone !== "off" && ["mute", muted ? "button.unmute" : "button.mute", muted ? ICONS.mic : ICONS.micOff,
      turn("microphone_muted", !muted), { pressed: muted }],
  ];
  fill(place, wanted.filter(Boolean), mayAct);
}

/** Show the two questions that the resident answers, each as a switch. */
export function consentSwitches(place, agent, mayAct, perform) {
  const { consent } = agent.state;
  const wanted = ["placements", "reports"].map((what) => [
    what,
    `consent.${what}`,
    consent[what] ? ICONS.tick : ICONS.box,
    () => perform("resident", { consent: { [what]: !consent[what] } }),
    { pressed: consent[what] },
  ]);
  fill(place, wanted, mayAct);
}

function fill(place, wanted, mayAct) {
  const key = JSON.stringify([wanted.map(([id, words, , , looks]) => [id, t(words), looks]), mayAct]);
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  place.replaceChildren(...wanted.map(([id, words, path, press, looks]) => button(id, words, path, press, looks ?? {}, mayAct)));
  if (focused) place.querySelector(`[data-id="${focused}"]`)?.focus();
}

function button(id, words, path, press, { main, pressed }, mayAct) {
  return h(
    "button",
    {
      class: main ? "button main" : "button",
      type: "button",
      "data-id": id,
      disabled: !mayAct,
      "aria-pressed": pressed === undefined ? null : String(pressed),
      on: { click: press },
    },
    icon(path),
    t(words),
  );
}
