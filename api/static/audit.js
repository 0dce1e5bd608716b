// The page works without this: it turns the clocks at once, and checks events in the browser.
import { say } from "/static/texts.js";
import { notice } from "/static/verdicts.js";
import { verify, Wrong } from "/static/verify.js";

const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");

function ready() {
  document.getElementById("no-script")?.remove();
  for (const button of document.querySelectorAll("button[data-verify]")) button.hidden = false;
}

// ------------------------------------------------------------------ verifying

async function check(button) {
  const it = button.dataset, place = say("Position %(position)s", { position: grouped(it.position) });
  button.disabled = true;
  try {
    if (!globalThis.crypto?.subtle) throw new Wrong(say("A browser counts hashes only for pages that came over https, or from this machine."));
    const found = await verify(it);
    const signed = found.key ? say("the log signed that root (Ed25519, key %(key)s)", { key: found.key }) : say("whether the log signed that root this browser cannot tell: it knows no Ed25519");
    const others = found.others ? say("the signatures of witnesses under it (%(count)s)", { count: found.others }) : say("any witness: nobody else has signed this head");
    notice(`verdict-${it.position}`, found.key ? "good" : "warn", [
      ["\u2713 " + say("%(place)s is in the log, as it is shown here.", { place }), "verified"],
      [say("Checked in this browser: its bytes and its salt make leaf %(leaf)s; from there the tiles lead to the root of %(leaves)s leaves; %(signed)s.", { leaf: grouped(found.index), leaves: grouped(found.size), signed })],
      [say("Not checked: whether the key is the log's own (it came from this server), nor %(others)s. The program aeo-verify checks both.", { others })],
    ]);
  } catch (error) {
    if (!(error instanceof Wrong) && !(error instanceof TypeError)) throw error;
    notice(`verdict-${it.position}`, "bad", [
      ["\u2715 " + say("%(place)s is not proved.", { place }), "verified"],
      [error instanceof Wrong ? error.message : say("The log could not be reached."), "wrong"],
    ]);
  } finally {
    button.disabled = false;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-verify]");
  if (button) check(button);
});

// ------------------------------------------------------------------ the clocks

/** Python's ordinal of a day, which the sliders count in: 1 is the first of January of the year 1. */
const day = (ordinal) => new Date((ordinal - 719163) * 86400000).toISOString().slice(0, 10);
const sliders = document.getElementById("sliders");
let turning = 0;

function showDays() {
  for (const slider of sliders.querySelectorAll("input[type=range]")) {
    const text = day(slider.valueAsNumber);
    document.getElementById(`${slider.id}-day`).textContent = text;
    slider.setAttribute("aria-valuetext", text);
  }
}

async function turn() {
  const turned = ++turning;
  const answer = await fetch(`${sliders.action}?${new URLSearchParams(new FormData(sliders))}`);
  if (!answer.ok || turned !== turning) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (turned !== turning) return;
  for (const id of ["answer", "events"]) document.getElementById(id).replaceWith(page.getElementById(id));
  for (const id of ["at", "known-at"]) document.getElementById(id).value = page.getElementById(id).value;
  history.replaceState(null, "", answer.url);
  ready();
}

if (sliders) {
  let waiting;
  sliders.querySelector("button").hidden = true;
  sliders.addEventListener("input", () => {
    showDays();
    clearTimeout(waiting);
    waiting = setTimeout(turn, 120);
  });
}
ready();
