// Keys of a keyboard and of a TV's remote control: Esc and Back close what plays, arrows walk from button to button.

const BACK = new Set(["BrowserBack", "GoBack", "Backspace"]);
/** Back on webOS (461) and Tizen (10009), which send no name. */
const BACK_CODES = new Set([461, 10009]);
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
/** What scrolls by itself (`tabindex="0"`) included: a list is read from there. */
const FOCUSABLE = 'button:not(:disabled), a[href]:not(.skip), input, [tabindex="0"]';
/** How much worse a step sideways is than one straight ahead. */
const ASIDE = 2.5;

/**
 * Listen to the keys of the whole page.
 * @param {() => void} close
 * @param {() => boolean} plays whether anything does; otherwise Back leads where it always does
 */
export function remoteControl(close, plays) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    const typing = event.target instanceof HTMLInputElement;
    const back = BACK_CODES.has(event.keyCode) || (BACK.has(event.key) && !(typing && event.key === "Backspace"));
    if (event.key === "Escape" || (back && plays())) {
      event.preventDefault();
      close();
    } else if (event.key in DIRECTIONS) {
      const [x, y] = DIRECTIONS[event.key];
      if (!(typing && x) && walk([x, y])) event.preventDefault();
    }
  });
}

/**
 * Move the focus to the nearest element that way: sideways within its row, up and down to another row.
 * False when there is none, so that the page scrolls instead.
 */
function walk([x, y]) {
  const here = document.activeElement;
  if (here?.tabIndex === 0 && scrolls(here, x, y)) return false;
  const from = here?.matches(FOCUSABLE) ? here.getBoundingClientRect() : null;
  const reachable = [...document.querySelectorAll(FOCUSABLE)].filter(
    (element) => element !== here && element.checkVisibility({ visibilityProperty: true }),
  );
  if (from === null) {
    (reachable.find((element) => element.closest("#buttons")) ?? reachable.find((element) => element.closest("main")))?.focus();
    return true;
  }
  const distance = (element) => {
    const to = element.getBoundingClientRect();
    const gapX = Math.max(to.left - from.right, from.left - to.right, 0);
    const gapY = Math.max(to.top - from.bottom, from.top - to.bottom, 0);
    const ahead = ((to.left + to.right - from.left - from.right) * x + (to.top + to.bottom - from.top - from.bottom) * y) / 2;
    if (ahead < 4 || (x !== 0 && gapY > 0) || (y !== 0 && gapY === 0)) return Infinity;
    const aside = Math.abs(x === 0 ? to.left - from.left : to.top - from.top);
    return ahead + ASIDE * (x === 0 ? gapX : gapY) + aside / 10;
  };
  const [nearest, best] = reachable.map((element) => [element, distance(element)]).reduce((a, b) => (b[1] < a[1] ? b : a), [null, Infinity]);
  if (best === Infinity) return false;
  nearest.focus();
  nearest.scrollIntoView({ block: "nearest" });
  return true;
}

/** Whether there is more of it to see that way; rounding leaves up to a pixel. */
function scrolls(element, x, y) {
  const { scrollLeft, scrollTop, scrollWidth, scrollHeight, clientWidth, clientHeight } = element;
  const beyond = (at, all, seen, way) => (way > 0 ? at + seen < all - 1 : way < 0 && at > 1);
  return beyond(scrollLeft, scrollWidth, clientWidth, x) || beyond(scrollTop, scrollHeight, clientHeight, y);
}
