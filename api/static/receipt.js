// Checks the signature of a receipt in the browser: a JWT (RFC 7515) signed with Ed25519 (RFC 8037).
// The key set comes from this server; whoever does not trust the server has it from elsewhere.

import { say } from "/static/texts.js";

const utf8 = (text) => new TextEncoder().encode(text);
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

/** What does not hold, in a sentence. */
class Wrong extends Error {}

const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer()));
const same = (one, other) => one.length === other.length && one.every((byte, n) => byte === other[n]);

/** The root of a tree of answers (RFC 9162) by the path of one of them; null where the path does not fit. */
async function rootBy(leaf, index, size, path) {
  let found = await sha256(Uint8Array.of(0), leaf);
  let last = size - 1;
  for (let at = 0; at < path.length; at += 32) {
    if (!last) return null;
    const beside = path.subarray(at, at + 32);
    if (index % 2 || index === last) {
      found = await sha256(Uint8Array.of(1), beside, found);
      while (index % 2 === 0 && index) [index, last] = [index >> 1, last >> 1];
    } else {
      found = await sha256(Uint8Array.of(1), found, beside);
    }
    [index, last] = [index >> 1, last >> 1];
  }
  return last ? null : found;
}

/** One of many answers under one signature. */
async function inTree(body, leaf, place) {
  const { tree, size, root } = JSON.parse(new TextDecoder().decode(bytes(body))).credentialSubject.answers ?? {};
  const [index, path] = place.split(".");
  if (tree !== "rfc9162-sha256" || !(Number(index) < size)) return false;
  const found = await rootBy(bytes(leaf), Number(index), size, bytes(path));
  return found !== null && same(found, bytes(root));
}

async function verified(receipt) {
  const [jwt, leaf, place] = receipt.trim().split("~");
  const [header, body, signature] = jwt.split(".");
  if (!globalThis.crypto?.subtle) throw new Wrong(say("A browser verifies signatures only for pages that came over https, or from this machine."));
  const { alg, typ, kid } = JSON.parse(new TextDecoder().decode(bytes(header)));
  if (alg !== "Ed25519" || typ !== "vc+jwt") throw new Wrong(say("This is no receipt that is signed with Ed25519."));
  const answer = await fetch("/log/receipt-keys", { cache: "no-cache" });
  if (!answer.ok) throw new Wrong(say("The key set is not to be had."));
  const jwk = (await answer.json()).keys.find((key) => key.kid === kid);
  if (!jwk) throw new Wrong(say("The register has no key of the name that the receipt gives."));
  let key;
  try {
    key = await crypto.subtle.importKey("raw", bytes(jwk.x), { name: "Ed25519" }, false, ["verify"]);
  } catch {
    throw new Wrong(say("This browser knows no Ed25519. The program aeo-verify does."));
  }
  if (!(await crypto.subtle.verify({ name: "Ed25519" }, key, bytes(signature), utf8(`${header}.${body}`)))) throw new Wrong(say("The signature is not of this text."));
  if (leaf && !(await inTree(body, leaf, place ?? ""))) throw new Wrong(say("The answer is not in the tree that is signed."));
  return kid;
}

function show(kind, ...sentences) {
  const place = document.getElementById("verdict");
  place.replaceChildren(...sentences.map((text, n) => {
    const line = document.createElement("p");
    line.textContent = text;
    if (!n) line.className = kind === "good" ? "verified" : "wrong";
    return line;
  }));
  place.className = `notice ${kind}`;
}

document.getElementById("no-script")?.remove();
for (const button of document.querySelectorAll("button[data-receipt]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const kid = await verified(document.getElementById(button.dataset.receipt).textContent);
      show("good", "\u2713 " + say("The register signed this receipt."), say("Key %(key)s. Not checked: whether the key is the register's own, because it came from this server. The program aeo-verify takes the key from where you have it.", { key: kid }));
    } catch (error) {
      if (!(error instanceof Wrong) && !(error instanceof TypeError)) throw error;
      show("bad", "\u2715 " + say("The receipt is not proved."), error instanceof Wrong ? error.message : say("The register could not be reached."));
    } finally {
      button.disabled = false;
    }
  });
}
