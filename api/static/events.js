// The page works without this: it adds newer events by itself, which the link "Newer events" leads to otherwise.
import { say } from "/static/texts.js";

const EVERY = 3000, MOST = 200;
const rows = document.getElementById("event-rows");
const live = document.getElementById("live"), button = document.getElementById("live-button");
const status = document.getElementById("live-status");
let paused = false, added = 0, waiting;

function shown(text) {
  if (status.textContent !== text) status.textContent = text;
}

function state() {
  if (paused) return say("Paused.");
  return added ? say("New since you opened the page: %(count)s", { count: added }) : say("New events appear here by themselves.");
}

/** Adds the events that are newer than those on the page. Answers whether more are waiting. */
async function add() {
  const newer = document.getElementById("newer"), address = new URL(newer.href);
  address.searchParams.set("part", "new");
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(String(answer.status));
  const found = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (paused) return false;
  const fresh = [...found.getElementById("event-rows").rows].filter((row) => !document.getElementById(row.id));
  for (const row of fresh) row.classList.add("fresh");
  rows.prepend(...fresh);
  newer.setAttribute("href", found.getElementById("newer").getAttribute("href"));
  while (rows.rows.length > MOST) rows.rows[MOST].remove();
  added += fresh.length;
  return fresh.length >= 50;
}

async function turn() {
  let wait = EVERY;
  if (!paused && !document.hidden) {
    try {
      if (await add()) wait = 100;
      shown(state());
    } catch {
      shown(say("The register cannot be reached; it is asked again."));
      wait = 5 * EVERY;
    }
  }
  waiting = setTimeout(turn, wait);
}

if (live) {
  live.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? say("Go on") : say("Pause");
    shown(state());
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    clearTimeout(waiting);
    turn();
  });
  shown(state());
  waiting = setTimeout(turn, EVERY);
}
