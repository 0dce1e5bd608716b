// Checks in the browser that an event is in the public log: RFC 6962, C2SP tlog-tiles, signed-note.
// Asks for nothing but the public files under /log/; what opens the leaf is on the page.

import { say } from "/static/texts.js";

const WIDTH = 256, HASH = 32;
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const hex = (it) => [...it].map((b) => b.toString(16).padStart(2, "0")).join("");
const utf8 = (text) => new TextEncoder().encode(text);

/** What does not hold, in a sentence. */
export class Wrong extends Error {}

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, it) => sum + it.length, 0));
  let at = 0;
  for (const it of parts) { whole.set(it, at); at += it.length; }
  return whole;
}

async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
}

const above = (left, right) => sha256([1], left, right);

async function had(path) {
  const answer = await fetch(path, { cache: "no-cache" });
  if (!answer.ok) throw new Wrong(say("%(path)s is not to be had: %(answer)s", { path, answer: (await answer.text()).trim() }));
  return answer;
}

// ------------------------------------------------------------------ the head

async function head() {
  const note = await (await had("/log/checkpoint")).text();
  const end = note.lastIndexOf("\n\n");
  const text = note.slice(0, end + 1);
  const [origin, size, root] = text.split("\n");
  if (end < 0 || !/^(0|[1-9]\d*)$/.test(size)) throw new Wrong(say("The head is not a checkpoint."));
  return { text, origin, size: Number(size), root: bytes(root), lines: note.slice(end + 2).trimEnd().split("\n") };
}

/** The id of the Ed25519 key that signed; null where this browser knows no Ed25519. */
async function signer({ text, origin, lines }) {
  const keys = (await (await had("/log/keys")).text()).trim().split("\n");
  for (const key of keys) {
    const [, name, id, body] = key.match(/^([^+]+)\+([0-9a-f]{8})\+(.+)$/) || [];
    const material = body ? bytes(body) : [];
    if (name !== origin || material[0] !== 1) continue;
    if (hex((await sha256(utf8(`${name}\n`), material)).slice(0, 4)) !== id) throw new Wrong(say("The log's key is not the one that its id names."));
    const line = lines.filter((it) => it.startsWith(`\u2014 ${name} `)).map((it) => bytes(it.split(" ")[2]))
      .find((it) => hex(it.slice(0, 4)) === id);
    if (!line) continue;
    let known;
    try {
      known = await crypto.subtle.importKey("raw", material.slice(1), { name: "Ed25519" }, false, ["verify"]);
    } catch {
      return null;
    }
    if (await crypto.subtle.verify({ name: "Ed25519" }, known, line.slice(4), utf8(text))) return id;
    throw new Wrong(say("The signature under the head is not the log's."));
  }
  throw new Wrong(say("The head has no signature by a key of this log."));
}

// ------------------------------------------------------------------ the tree

function numbered(index) {
  const groups = [String(index % 1000).padStart(3, "0")];
  while ((index = Math.floor(index / 1000))) groups.unshift(`x${String(index % 1000).padStart(3, "0")}`);
  return groups.join("/");
}

/** The tree of a log of so many leaves, from its tiles; each tile is fetched once. */
function treeOf(size) {
  const fetched = new Map();
  const tile = (level, number) => {
    const width = Math.min(WIDTH, Math.floor(size / WIDTH ** level) - number * WIDTH);
    const path = `/log/tile/${level}/${numbered(number)}${width < WIDTH ? `.p/${width}` : ""}`;
    if (!fetched.has(path)) fetched.set(path, had(path).then(async (answer) => {
      const held = new Uint8Array(await answer.arrayBuffer());
      if (held.length !== width * HASH) throw new Wrong(say("%(path)s has %(found)s bytes, not %(wanted)s.", { path, found: held.length, wanted: width * HASH }));
      return held;
    }));
    return fetched.get(path);
  };
  const node = async (level, number) => {
    const row = Math.floor(level / 8), first = number * 2 ** (level % 8);
    const held = await tile(row, Math.floor(first / WIDTH)), at = (first % WIDTH) * HASH;
    let hashes = [];
    for (let n = 0; n < 2 ** (level % 8); n++) hashes.push(held.slice(at + n * HASH, at + (n + 1) * HASH));
    while (hashes.length > 1)
      hashes = await Promise.all(hashes.filter((_, n) => n % 2 === 0).map((left, n) => above(left, hashes[2 * n + 1])));
    return hashes[0];
  };
  const middle = (begin, end) => begin + 2 ** (Math.ceil(Math.log2(end - begin)) - 1);
  const span = async (begin, end) => {
    const level = Math.log2(end - begin);
    if (Number.isInteger(level)) return node(level, begin / (end - begin));
    const cut = middle(begin, end);
    return above(await span(begin, cut), await span(cut, end));
  };
  /** The root over all leaves, if this is the hash of leaf `index`: from the tiles beside its way. */
  const rootBy = async (leaf, index) => {
    const climb = async (begin, end) => {
      if (end - begin === 1) return leaf;
      const cut = middle(begin, end);
      return index < cut ? above(await climb(begin, cut), await span(cut, end)) : above(await span(begin, cut), await climb(cut, end));
    };
    const held = await tile(0, Math.floor(index / WIDTH)), at = (index % WIDTH) * HASH;
    if (hex(held.slice(at, at + HASH)) !== hex(leaf)) throw new Wrong(say("Leaf %(leaf)s of the log is of another event: the hash of this one is %(own)s, and the log has %(found)s.", { leaf: index, own: hex(leaf), found: hex(held.slice(at, at + HASH)) }));
    return climb(0, size);
  };
  /** The roots over the first `old` leaves and over all, both of the same hashes (RFC 6962, 2.1.2). */
  const rootsOf = async (old, begin = 0, end = size) => {
    if (old === end) {
      const whole = await span(begin, end);
      return [whole, whole];
    }
    const cut = middle(begin, end);
    if (old <= cut) {
      const [first, both] = await rootsOf(old, begin, cut);
      return [first, await above(both, await span(cut, end))];
    }
    const left = await span(begin, cut), [first, both] = await rootsOf(old, cut, end);
    return [await above(left, first), await above(left, both)];
  };
  return { rootBy, rootsOf };
}

/** The last signed head with its tree, for as many checks as are wanted. Throws Wrong. */
export async function opened() {
  const now = await head();
  return { ...now, key: await signer(now), tree: treeOf(now.size) };
}

/** Checks that the log of the last head continues that of an older one. `root`: hexadecimal. Throws Wrong. */
export async function continues({ size, root }, log) {
  if (size > log.size) throw new Wrong(say("The head covers %(leaves)s leaves, and an older one %(size)s.", { leaves: log.size, size }));
  if (size < 1) return;
  const [old, whole] = await log.tree.rootsOf(size);
  if (hex(whole) !== hex(log.root)) throw new Wrong(say("The tiles lead to the root %(root)s, and the signed head has %(signed)s.", { root: hex(whole), signed: hex(log.root) }));
  if (hex(old) !== root) throw new Wrong(say("The first %(size)s leaves have the root %(root)s, and the older head has %(signed)s.", { size, root: hex(old), signed: root }));
}

// ----------------------------------------------------------------- the event

/** What the bytes of an event say: AEO-EVENT-V2, as registry/commitments.py writes them. */
function read(event) {
  const magic = "AEO-EVENT-V2\0", view = new DataView(event.buffer, magic.length);
  if (new TextDecoder().decode(event.slice(0, magic.length)) !== magic) throw new Wrong(say("These are not the bytes of an event."));
  let at = magic.length + 64;
  const texts = [];
  while (at < event.length) {
    const length = new DataView(event.buffer, at).getUint32(0);
    at += 4;
    if (length === 0xffffffff) { texts.push(null); continue; }
    texts.push(new TextDecoder().decode(event.slice(at, at + length)));
    at += length;
  }
  const [type, actor, , , state] = texts;
  return { position: view.getBigUint64(0), recorded: view.getBigInt64(32), known: view.getBigInt64(40), type, actor, state };
}

/** RFC 3339 with six digits of a second, in microseconds: a Date keeps three of them. */
const micros = (text) => BigInt(Date.parse(`${text.slice(0, 19)}Z`)) * 1000n + BigInt(text.slice(20, 26));

function plain(it) {
  if (Array.isArray(it)) return it.map(plain);
  if (it && typeof it === "object") return Object.fromEntries(Object.keys(it).sort().map((key) => [key, plain(it[key])]));
  return it;
}
const same = (a, b) => JSON.stringify(plain(JSON.parse(a))) === JSON.stringify(plain(JSON.parse(b)));

function shown(said, it) {
  if (said.position !== BigInt(it.position)) return say("position");
  if (said.type !== it.type) return say("type");
  if (said.recorded !== micros(it.recorded) || said.known !== micros(it.known)) return say("instants");
  return same(said.state, it.payload) ? "" : say("details");
}

/**
 * Verifies one event, as its row on the page shows it, by the log that was opened, or by its last head. Answers what
 * was found; throws Wrong.
 * `it`: position, leaf, type, recorded, known, payload (JSON), salt and event (base64).
 */
export async function verify(it, log) {
  const event = bytes(it.event), said = read(event);
  const differs = shown(said, it);
  if (differs) throw new Wrong(say("The page shows something else than the event's own bytes say: %(part)s.", { part: differs }));
  const now = log ?? await opened();
  const index = Number(it.leaf);
  if (index >= now.size) throw new Wrong(say("The head covers %(leaves)s leaves, and not leaf %(leaf)s.", { leaves: now.size, leaf: index }));
  const leaf = await sha256([0], utf8("aeo-leaf/v1\0"), await sha256(bytes(it.salt), event));
  const root = await now.tree.rootBy(leaf, index);
  if (hex(root) !== hex(now.root)) throw new Wrong(say("From leaf %(leaf)s the tiles lead to the root %(root)s, and the signed head has %(signed)s.", { leaf: index, root: hex(root), signed: hex(now.root) }));
  return { ...now, index, actor: said.actor, others: now.lines.filter((line) => !line.startsWith(`\u2014 ${now.origin} `)).length };
}
