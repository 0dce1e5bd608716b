// One button checks every event that the page shows, and that each older signed head of the log is continued by the last.
import { say } from "/static/texts.js";
import { notice } from "/static/verdicts.js";
import { continues, opened, verify, Wrong } from "/static/verify.js";

const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const button = document.querySelector("button[data-verify-all]");

/** Does one check and adds what does not hold to the list. */
async function checked(wrong, name, check) {
  try {
    await check();
  } catch (error) {
    if (!(error instanceof Wrong) && !(error instanceof TypeError)) throw error;
    wrong.push(`${name}: ${error instanceof Wrong ? error.message : say("The log could not be reached.")}`);
  }
}

async function checkAll() {
  if (!globalThis.crypto?.subtle) throw new Wrong(say("A browser counts hashes only for pages that came over https, or from this machine."));
  const log = await opened(), wrong = [];
  const heads = JSON.parse(button.dataset.verifyAll), events = [...document.querySelectorAll("button[data-verify]")];
  for (const head of heads)
    await checked(wrong, say("Head of %(leaves)s leaves", { leaves: grouped(head.size) }), () => continues(head, log));
  for (const each of events) {
    const place = say("Position %(position)s", { position: grouped(each.dataset.position) });
    await checked(wrong, place, () => verify(each.dataset, log));
  }
  return { log, wrong, heads: heads.length, events: events.length };
}

function verdict({ log, wrong, heads, events }) {
  if (wrong.length) {
    notice("verdict-all", "bad", [
      ["\u2715 " + say("%(wrong)s of %(all)s checks do not hold.", { wrong: wrong.length, all: heads + events }), "verified"],
      ...wrong.map((text) => [text, "wrong"]),
    ]);
    return;
  }
  const signed = log.key ? say("The log signed the last head (Ed25519, key %(key)s).", { key: log.key }) : say("Whether the log signed the last head this browser cannot tell: it knows no Ed25519.");
  const all = events
    ? say("All holds: %(events)s events are in the log as they are shown, and %(heads)s heads are continued by the last one, of %(leaves)s leaves.", { events, heads, leaves: grouped(log.size) })
    : say("All holds: %(heads)s heads are continued by the last one, of %(leaves)s leaves.", { heads, leaves: grouped(log.size) });
  notice("verdict-all", log.key ? "good" : "warn", [
    ["\u2713 " + all, "verified"],
    [signed, ""],
    [say("Not checked: whether the key is the log's own (it came from this server), and the signatures under older heads. The program aeo-verify checks both."), ""],
  ]);
}

if (button) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      verdict(await checkAll());
    } catch (error) {
      if (!(error instanceof Wrong) && !(error instanceof TypeError)) throw error;
      notice("verdict-all", "bad", [
        ["\u2715 " + say("Nothing could be checked."), "verified"],
        [error instanceof Wrong ? error.message : say("The log could not be reached."), "wrong"],
      ]);
    } finally {
      button.disabled = false;
    }
  });
}
