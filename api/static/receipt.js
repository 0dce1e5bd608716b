// Checks the signature of a receipt in the browser, and of one of many answers its place in the tree
// whose root is signed.

import { bytes, checking, object, signedBy, Wrong } from "/static/signed_text.js";
import { say } from "/static/texts.js";

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
  const { tree, size, root } = object(body).credentialSubject.answers ?? {};
  const [index, path] = place.split(".");
  if (tree !== "rfc9162-sha256" || !(Number(index) < size)) return false;
  const found = await rootBy(bytes(leaf), Number(index), size, bytes(path));
  return found !== null && same(found, bytes(root));
}

async function keyOf(kid) {
  const answer = await fetch("/log/receipt-keys", { cache: "no-cache" });
  if (!answer.ok) throw new Wrong(say("The key set is not to be had."));
  const jwk = (await answer.json()).keys.find((key) => key.kid === kid);
  if (!jwk) throw new Wrong(say("The register has no key of the name that the receipt gives."));
  return jwk;
}

async function verified(receipt) {
  const [jwt, leaf, place] = receipt.split("~");
  const kid = await signedBy(jwt, keyOf, say("This is no receipt that is signed with Ed25519."));
  if (leaf && !(await inTree(jwt.split(".")[1], leaf, place ?? ""))) throw new Wrong(say("The answer is not in the tree that is signed."));
  return kid;
}

document.getElementById("no-script")?.remove();
for (const button of document.querySelectorAll("button[data-receipt]")) {
  const texts = { good: say("The register signed this receipt."), bad: say("The receipt is not proved.") };
  checking(button, button.dataset.receipt, document.getElementById("verdict"), verified, texts);
}
