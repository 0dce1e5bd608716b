// A certificate, as strangers check it: the signature by jose with the key of the DID document (did:web), and the
// status lists by the library of Digital Bazaar, before and after a suspension.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { decodeList } from "@digitalbazaar/vc-bitstring-status-list";
import { compactVerify, decodeProtectedHeader, importJWK } from "jose";

import * as t from "./checking.mjs";

const site = process.env.REGISTRY_URL;
const cookies = { "aeo-token": process.env.REGISTRY_OFFICER };

// A page as the officer's browser asks for it.
async function page(path, fields) {
  const cookie = Object.entries(cookies).map(([name, value]) => `${name}=${value}`).join("; ");
  const sent = fields ? { method: "POST", body: new URLSearchParams(fields), redirect: "manual" } : {};
  const response = await fetch(site + path, { ...sent, headers: { cookie, accept: "text/html" } });
  for (const line of response.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
    cookies[name] = value;
  }
  return response;
}

const LIST = `{ operators(filter: {administration: "CN", standing: VALID, recognisedIn: "SG"}, first: 50) {
  edges { node { tin standingAbroad } } } }`;

async function valid() {
  const body = JSON.stringify({ query: LIST });
  const headers = { ...t.officer, "content-type": "application/json" };
  const { data } = await (await fetch(t.url, { method: "POST", body, headers })).json();
  return data.operators.edges.map((edge) => edge.node).find((each) => each.standingAbroad === "VALID" && each.tin !== t.TIN).tin;
}

async function issued(tin) {
  const path = `/operators/${tin}/certificate`;
  const form = await (await page(path)).text();
  const field = (name) => new RegExp(`name="${name}" value="([^"]*)"`).exec(form)[1];
  const fields = { csrf: field("csrf"), action: "issue", command_id: randomUUID(), authorisation: field("authorisation") };
  const answer = await page(path, fields);
  const notice = answer.status === 303 ? "" : /role="alert">(.*?)<\/div>/s.exec(await answer.text())?.[1];
  assert.equal(answer.status, 303, `${path}: ${notice}`);
  const shown = await (await page(path)).text();
  const file = /href="([^"]*\/credential\.jwt)"/.exec(shown)[1];
  return (await (await page(file)).text()).trim();
}

async function verified(text, kind) {
  const { kid, typ } = decodeProtectedHeader(text);
  assert.equal(typ, "vc+jwt");
  const document = await (await fetch(`${site}/.well-known/did.json`)).json();
  assert.equal(document.id, kid.split("#")[0]);
  const method = document.verificationMethod.find((each) => each.id === kid);
  const key = await importJWK(method.publicKeyJwk, "Ed25519");
  const { payload } = await compactVerify(text, key, { algorithms: ["Ed25519"] });
  const credential = JSON.parse(new TextDecoder().decode(payload));
  assert.ok(credential.type.includes(kind));
  return credential;
}

async function isSet(entry) {
  const response = await fetch(entry.statusListCredential);
  assert.equal(response.headers.get("content-type"), "application/vc+jwt");
  const list = await verified(await response.text(), "BitstringStatusListCredential");
  const { encodedList, statusPurpose } = list.credentialSubject;
  assert.equal(statusPurpose, entry.statusPurpose);
  return (await decodeList({ encodedList })).getStatus(Number(entry.statusListIndex));
}

async function suspended(tin) {
  const input = { commandId: randomUUID(), tin, reason: "for a client", legalGround: "a test" };
  const query = `mutation ($input: SuspendAuthorisationInput!) { suspendAuthorisation(input: $input) {
    __typename ... on Refused { code message } ... on Recorded { position } } }`;
  const headers = { ...t.officer, "content-type": "application/json" };
  const body = JSON.stringify({ query, variables: { input } });
  const { data } = await (await fetch(t.url, { method: "POST", body, headers })).json();
  assert.equal(data.suspendAuthorisation.__typename, "Recorded", JSON.stringify(data));
}

const tin = await valid();
let text, credential;
await t.check("jose verifies a certificate with the key of the DID document", async () => {
  text = await issued(tin);
  credential = await verified(text, "AEOStatusCredential");
  assert.equal(credential.credentialSubject.registeredId, tin);
});
await t.check("jose refuses a certificate in which a letter is another", async () => {
  const [head, body, signature] = text.split(".");
  const other = Buffer.from(JSON.stringify({ ...credential, validUntil: "2099-01-01T00:00:00Z" })).toString("base64url");
  await assert.rejects(verified(`${head}.${other}.${signature}`, "AEOStatusCredential"));
});
await t.check("vc-bitstring-status-list reads a suspension off the list", async () => {
  const entry = credential.credentialStatus.find((each) => each.statusPurpose === "suspension");
  assert.equal(await isSet(entry), false);
  await suspended(tin);
  const end = Date.now() + 30_000;
  while (!(await isSet(entry))) assert.ok(Date.now() < end, "never seen");
  const ended = credential.credentialStatus.find((each) => each.statusPurpose === "revocation");
  assert.equal(await isSet(ended), false);
});
