// The page of a check stays up to date: it asks every second whether the answer is another one, and
// then loads itself anew. A page that has been open for long asks every three seconds. While the
// register does not answer, it waits longer each time. And it checks the signature of the credential
// in the browser.

import { say } from "/static/texts.js";

// Milliseconds between an answer and the next question: at first, after the first minutes, and the
// longest wait while the register does not answer.
const SOON = 1000, LATER = 3000, LONGEST = 30000;
const FIRST = 300; // questions that are asked soon after each other
const answer = document.getElementById("answer");
const live = document.getElementById("live");
let asked = 0;
let missed = 0;
let next = 0;

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
    live.textContent = say("Up to date: asked again every few seconds.");
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof SyntaxError || error instanceof DOMException)) throw error;
    missed += 1;
    if (missed > 1) live.textContent = say("The register cannot be reached now. What stands here is what it answered last; it may be otherwise now.");
  }
  asked += 1;
  next = setTimeout(ask, missed ? Math.min(SOON * 2 ** (missed - 1), LONGEST) : asked < FIRST ? SOON : LATER);
  live.dataset.asked = asked;
  live.dataset.live = "waiting";
}

if (answer?.dataset.ask) {
  live.textContent = say("Up to date: asked again every few seconds.");
  next = setTimeout(ask, SOON);
  document.addEventListener("visibilitychange", ask);
}

/** What does not hold, in a sentence. */
class Wrong extends Error {}

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const object = (text) => JSON.parse(new TextDecoder().decode(bytes(text)));

async function signedBy(credential) {
  const [header, body, signature] = credential.trim().split(".");
  if (!globalThis.crypto?.subtle) throw new Wrong(say("A browser verifies signatures only for pages that came over https, or from this machine."));
  const { alg, typ, kid } = object(header);
  if (alg !== "Ed25519" || typ !== "vc+jwt") throw new Wrong(say("This is no credential that is signed with Ed25519."));
  const found = await fetch("/.well-known/did.json", { cache: "no-cache" });
  if (!found.ok) throw new Wrong(say("The keys of the register are not to be had."));
  const method = (await found.json()).verificationMethod.find((each) => each.id.split("#")[1] === kid.split("#")[1]);
  if (!method) throw new Wrong(say("The register has no key of the name that the credential gives."));
  let key;
  try {
    key = await crypto.subtle.importKey("raw", bytes(method.publicKeyJwk.x), { name: "Ed25519" }, false, ["verify"]);
  } catch {
    throw new Wrong(say("This browser knows no Ed25519. The program aeo-verify does."));
  }
  const signed = new TextEncoder().encode(`${header}.${body}`);
  if (!(await crypto.subtle.verify({ name: "Ed25519" }, key, bytes(signature), signed))) throw new Wrong(say("The signature is not of this text."));
  return kid;
}

function show(kind, ...sentences) {
  const place = document.getElementById("browser-verdict");
  place.replaceChildren(...sentences.map((text, n) => {
    const line = document.createElement("p");
    line.textContent = text;
    if (!n) line.className = kind === "good" ? "verified" : "wrong";
    return line;
  }));
  place.className = `notice ${kind}`;
}

for (const button of document.querySelectorAll("button[data-credential]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const kid = await signedBy(document.getElementById(button.dataset.credential).textContent);
      show("good", "\u2713 " + say("The register signed this credential."), say("Key %(key)s. Not checked: whether the key is the register's own, because it came from this server. The program aeo-verify takes the key from where you have it.", { key: kid }));
    } catch (error) {
      if (!(error instanceof Wrong) && !(error instanceof TypeError)) throw error;
      show("bad", "\u2715 " + say("The credential is not proved."), error instanceof Wrong ? error.message : say("The register could not be reached."));
    } finally {
      button.disabled = false;
    }
  });
}
