// Subscriptions over the two protocols, by the libraries of those who wrote them, and a webhook whose signature is
// checked by the library of Standard Webhooks.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";

import { createClient as createSse } from "graphql-sse";
import { createClient as createWs } from "graphql-ws";
import { Webhook } from "standardwebhooks";
import WebSocket from "ws";

import * as t from "./checking.mjs";

const CHANGED = `subscription Changed($after: Position, $epoch: String) {
  recognitionChanged(for: "SG", after: $after, epoch: $epoch) { position tin was now next epoch }
}`;
const address = t.url.replace(/^http/, "ws");

async function first(client, count, variables) {
  const found = [];
  for await (const { data, errors } of client.iterate({ query: CHANGED, variables })) {
    assert.equal(errors, undefined);
    found.push(data.recognitionChanged);
    if (found.length === count) break;
  }
  return found;
}

async function ask(query, variables, headers) {
  const body = JSON.stringify({ query, variables });
  const response = await fetch(t.url, { method: "POST", body, headers: { ...headers, "content-type": "application/json" } });
  const answer = await response.json();
  assert.equal(answer.errors, undefined);
  return answer.data;
}

// Of the operators that Singapore recognises one is suspended: Singapore is told.
async function suspend() {
  const LIST = `{ operators(filter: {administration: "CN", recognisedIn: "SG"}, first: 1) { edges { node { tin } } } }`;
  const { tin } = (await ask(LIST, {}, t.partner)).operators.edges[0].node;
  const SUSPEND = `mutation ($input: SuspendAuthorisationInput!) {
    suspendAuthorisation(input: $input) { __typename ... on Refused { message } } }`;
  const input = { commandId: randomUUID(), tin, reason: "an audit", legalGround: "a law" };
  const outcome = (await ask(SUSPEND, { input }, t.officer)).suspendAuthorisation;
  assert.equal(outcome.__typename, "Recorded", outcome.message);
  return tin;
}

function sse() {
  return createSse({ url: t.url, headers: t.partner, retryAttempts: 0 });
}

function ws(authorization = t.partner.authorization) {
  return createWs({ url: address, webSocketImpl: WebSocket, connectionParams: { authorization }, retryAttempts: 0 });
}

await t.check("graphql-sse and graphql-ws are told the same, from the beginning", async () => {
  const [one, other] = [sse(), ws()];
  const told = await first(one, 5, { after: 0 });
  assert.deepEqual(await first(other, 5, { after: 0 }), told);
  assert.equal(told[0].epoch.length, 12);
  one.dispose();
  await other.dispose();
});

await t.check("an interrupted subscription goes on with next and epoch", async () => {
  const client = ws();
  const whole = await first(client, 6, { after: 0 });
  const { next, epoch } = whole[2];
  assert.deepEqual(await first(client, 3, { after: next, epoch }), whole.slice(3));
  await client.dispose();
});

await t.check("a change is told as it is recorded, to both", async () => {
  const [one, other] = [sse(), ws()];
  const told = [first(one, 1), first(other, 1)];
  await new Promise((done) => setTimeout(done, 1000));
  const tin = await suspend();
  for (const [change] of await Promise.all(told)) {
    assert.deepEqual([change.tin, change.was, change.now], [tin, "RECOGNISED", "NOT_RECOGNISED"]);
  }
  one.dispose();
  await other.dispose();
});

await t.check("a token that is not good closes the connection with 4401", async () => {
  const client = ws("Bearer nonsense");
  await assert.rejects(first(client, 1), (closed) => closed.code === 4401);
  await client.dispose();
});

await t.check("a cursor of another epoch is an error of the subscription", async () => {
  const client = ws();
  await assert.rejects(first(client, 1, { after: 0, epoch: "000000000000" }), ([error]) => error.extensions.code === "EPOCH");
  await client.dispose();
});

await t.check("standardwebhooks checks the signature of a webhook", async () => {
  let arrived;
  const message = new Promise((done) => (arrived = done));
  const server = createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      response.writeHead(204).end();
      arrived({ headers: request.headers, body: Buffer.concat(parts).toString() });
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const REGISTER = `mutation ($input: RegisterWebhookInput!) {
    registerWebhook(input: $input) { ... on WebhookReceipt { secret } ... on Refused { message } } }`;
  const url = `http://127.0.0.1:${server.address().port}/`;
  const input = { commandId: randomUUID(), for: "SG", url, signature: "HMAC" };
  const { secret } = (await ask(REGISTER, { input }, t.partner)).registerWebhook;
  await suspend();
  const { headers, body } = await message;
  const told = new Webhook(secret).verify(body, headers);
  assert.equal(told.type, "recognition.changed");
  assert.throws(() => new Webhook(secret).verify(body + " ", headers));
  server.closeAllConnections();
  server.close();
});

process.exit();
