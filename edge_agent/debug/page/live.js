// One agent, live: what it last said of itself, kept up to date from its event stream.

import { t } from "./words.js";

const RETRY_MS = [500, 1000, 2000, 4000];
const KEPT_DECISIONS = 200;

/** What is known of an agent before it has spoken. */
export const unknown = (kind) => ({
  kind,
  online: false,
  mayAct: false,
  state: null,
  packs: [],
  decisions: [],
  plays: [],
  screen: null,
  speaker: null,
  heard: null,
});

/** Return the agent as it is after `message`. The shapes are those of docs/http.md. */
export function after(agent, message) {
  switch (message.type) {
    case "snapshot": {
      const { state, packs, decisions, plays, screen, speaker, may_act: mayAct } = message;
      return { ...agent, online: true, mayAct, state, packs, decisions, plays, screen, speaker, heard: null, kind: state.device.kind };
    }
    case "state":
      return { ...agent, state: message.state };
    case "heard":
      return { ...agent, heard: message.heard };
    case "decision": {
      const others = agent.decisions.filter((decision) => decision.id !== message.decision.id);
      return { ...agent, decisions: [message.decision, ...others].slice(0, KEPT_DECISIONS) };
    }
    case "play": {
      const others = agent.plays.filter((play) => play.play_id !== message.play.play_id);
      return { ...agent, plays: [message.play, ...others].slice(0, KEPT_DECISIONS) };
    }
    case "packs":
      return { ...agent, packs: message.packs };
    case "screen":
      return { ...agent, screen: message.screen };
    case "speaker":
      return { ...agent, speaker: message.speaker };
    default:
      return agent;
  }
}

/**
 * Follow an event stream for as long as the page is open, and begin again when it breaks.
 * @param {string} address
 * @param {(message: object) => void} onMessage
 * @param {() => void} onLost called when the stream broke
 */
export function follow(address, onMessage, onLost) {
  let tries = 0;
  const open = () => {
    const source = new EventSource(address);
    source.onmessage = (event) => {
      tries = 0;
      onMessage(JSON.parse(event.data));
    };
    source.onerror = () => {
      source.close();
      onLost();
      setTimeout(open, RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]);
    };
  };
  open();
}

/** Follow the agent at `base` (an address that ends in a slash) and show each new version of it. */
export function followAgent(base, kind, show) {
  let agent = unknown(kind);
  show(agent, null);
  follow(
    `${base}v1/events`,
    (message) => {
      agent = after(agent, message);
      show(agent, message);
    },
    () => {
      agent = { ...agent, online: false };
      show(agent, null);
    },
  );
}

/** Ask the agent at `base` to do something; throws an Error with its own sentence and HTTP status when it will not. */
export async function act(base, path, body, token) {
  const headers = { "Content-Type": "application/json", "X-Edge-Agent": "page" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(`${base}v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) }).catch(() => {
    throw new Error(t("status.unreachable"));
  });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(`${answer.error} ${answer.next_step}`.trim()), { status: response.status });
  return answer;
}
