// The page of a check stays up to date: it asks every second whether the answer is another one, and
// then loads itself anew. A page that has been open for long asks every three seconds. While the
// register does not answer, it waits longer each time, and an answer that was green is amber: five
// seconds after the last answer nobody knows whether it still stands. And it checks the signature of
// the credential in the browser.

import { checking, signedBy, Wrong } from "/static/signed_text.js";
import { say } from "/static/texts.js";

// Milliseconds between an answer and the next question: at first, after the first minutes, and the
// longest wait while the register does not answer; and for how long an answer counts as one of now.
const SOON = 1000, LATER = 3000, LONGEST = 30000, FRESH = 5000;
const FIRST = 300; // questions that are asked soon after each other
const answer = document.getElementById("answer");
const live = document.getElementById("live");
let asked = 0;
let missed = 0;
let next = 0;
let watch = 0;
const wasGood = answer?.classList.contains("good");

/** Shows an answer that was green as amber, or as it was. */
function doubt(isOld) {
  if (isOld) live.textContent = say("The register cannot be reached now. What stands here is what it answered last; it may be otherwise now.");
  if (!wasGood) return;
  answer.classList.toggle("good", !isOld);
  answer.classList.toggle("warn", isOld);
  answer.querySelector(".letter").textContent = isOld ? "?" : "✓";
}

/** The register has answered just now. */
function heard() {
  doubt(false);
  clearTimeout(watch);
  watch = setTimeout(doubt, FRESH, true);
  live.textContent = say("Up to date: asked again every few seconds.");
}

async function ask() {
  clearTimeout(next);
  if (document.hidden) return;
  live.dataset.live = "asking";
  try {
    const found = await fetch(answer.dataset.ask, { cache: "no-store", headers: { Accept: "application/json" }, signal: AbortSignal.timeout(LONGEST) });
    if (!found.ok) throw new TypeError(String(found.status));
    const { state } = await found.json();
    missed = 0;
    if (state !== answer.dataset.state) return location.reload();
    heard();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof SyntaxError || error instanceof DOMException)) throw error;
    missed += 1;
    if (missed > 1) doubt(true);
  }
  asked += 1;
  next = setTimeout(ask, missed ? Math.min(SOON * 2 ** (missed - 1), LONGEST) : asked < FIRST ? SOON : LATER);
  live.dataset.asked = asked;
  live.dataset.live = "waiting";
}

if (answer?.dataset.ask) {
  heard();
  next = setTimeout(ask, SOON);
  document.addEventListener("visibilitychange", ask);
}

async function keyOf(kid) {
  const found = await fetch("/.well-known/did.json", { cache: "no-cache" });
  if (!found.ok) throw new Wrong(say("The keys of the register are not to be had."));
  const method = (await found.json()).verificationMethod.find((each) => each.id.split("#")[1] === kid.split("#")[1]);
  if (!method) throw new Wrong(say("The register has no key of the name that the credential gives."));
  return method.publicKeyJwk;
}

const verified = (credential) => signedBy(credential, keyOf, say("This is no credential that is signed with Ed25519."));

for (const button of document.querySelectorAll("button[data-credential]")) {
  const texts = { good: say("The register signed this credential."), bad: say("The credential is not proved.") };
  checking(button, button.dataset.credential, document.getElementById("browser-verdict"), verified, texts);
}
