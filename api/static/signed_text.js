// Checks a text that the register signed (a JWS, RFC 7515, with Ed25519, RFC 8037) in the browser, and
// shows what came of the check. The keys come from this server; whoever does not trust the server has
// them from elsewhere.

import { say } from "/static/texts.js";

/** What does not hold, in a sentence. */
export class Wrong extends Error {}

export const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
export const object = (text) => JSON.parse(new TextDecoder().decode(bytes(text)));

/** Checks the signature; returns the name of the key. `keyOf`: the public key of a name as a JWK. Throws Wrong. */
export async function signedBy(jws, keyOf, otherKind) {
  const [header, body, signature] = jws.split(".");
  if (!globalThis.crypto?.subtle) throw new Wrong(say("A browser verifies signatures only for pages that came over https, or from this machine."));
  const { alg, typ, kid } = object(header);
  if (alg !== "Ed25519" || typ !== "vc+jwt") throw new Wrong(otherKind);
  const { x } = await keyOf(kid);
  let key;
  try {
    key = await crypto.subtle.importKey("raw", bytes(x), { name: "Ed25519" }, false, ["verify"]);
  } catch {
    throw new Wrong(say("This browser knows no Ed25519. The program aeo-verify does."));
  }
  const signed = new TextEncoder().encode(`${header}.${body}`);
  if (!(await crypto.subtle.verify({ name: "Ed25519" }, key, bytes(signature), signed))) throw new Wrong(say("The signature is not of this text."));
  return kid;
}

/** Shows sentences; the first is the verdict. */
function show(place, kind, ...sentences) {
  place.replaceChildren(...sentences.map((text, n) => {
    const line = document.createElement("p");
    line.textContent = text;
    if (!n) line.className = kind === "good" ? "verified" : "wrong";
    return line;
  }));
  place.className = `notice ${kind}`;
}

/** Makes a button check the text that the button names, and show the verdict in `place`. */
export function checking(button, name, place, check, { good, bad }) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const key = await check(document.getElementById(name).textContent.trim());
      show(place, "good", "\u2713 " + good, say("Key %(key)s. Not checked: whether the key is the register's own, because it came from this server. The program aeo-verify takes the key from where you have it.", { key }));
    } catch (error) {
      if (!(error instanceof Wrong) && !(error instanceof TypeError)) throw error;
      show(place, "bad", "\u2715 " + bad, error instanceof Wrong ? error.message : say("The register could not be reached."));
    } finally {
      button.disabled = false;
    }
  });
}
