// urql as it comes, which asks by GET, and its normalised cache, Graphcache.
import assert from "node:assert/strict";

import { Client, fetchExchange } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";

import * as t from "./checking.mjs";

function client(headers, { fetch, exchanges = [] } = {}) {
  return new Client({
    url: t.url, fetch, fetchOptions: { headers }, exchanges: [...exchanges, fetchExchange],
  });
}

function spy(calls) {
  return (address, options) => {
    calls.push({ method: options.method ?? "GET", length: String(address).length });
    return fetch(address, options);
  };
}

const beliefs = { tin: t.TIN, before: t.before, after: t.after };

await t.check("as it comes it asks by GET, and is answered", async () => {
  const calls = [];
  const urql = client(t.partner, { fetch: spy(calls) });
  const { data, error } = await urql.query(t.BELIEFS, beliefs).toPromise();
  assert.ifError(error);
  assert.equal(data.before.standing, "VALID");
  assert.equal(data.after.standing, "SUSPENDED");
  assert.equal(calls[0].method, "GET");
});

await t.check("two aliases with two beliefs stay two records of Graphcache", async () => {
  const urql = client(t.partner, { exchanges: [cacheExchange({})] });
  const { data, error } = await urql.query(t.BELIEFS, beliefs).toPromise();
  assert.ifError(error);
  assert.equal(data.before.standing, "VALID");
  assert.equal(data.after.standing, "SUSPENDED");
  const policy = { requestPolicy: "cache-only" };
  const kept = await urql.query(t.BELIEFS, beliefs, policy).toPromise();
  assert.equal(kept.data.before.standing, "VALID");
  assert.equal(kept.data.after.standing, "SUSPENDED");
});

await t.check("a later question about another belief leaves what is kept as it was", async () => {
  const urql = client(t.partner, { exchanges: [cacheExchange({})] });
  const ask = (asOf, more) => urql.query(t.STANDING, { tin: t.TIN, asOf }, more).toPromise();
  await ask(t.before);
  await ask(t.after);
  const kept = await ask(t.before, { requestPolicy: "cache-only" });
  assert.equal(kept.data.operator.standing, "VALID");
});

await t.check("the code of an error arrives", async () => {
  const urql = client(t.partner);
  const { error } = await urql.query('{ changes(for: "KR", after: 0) { next } }', {}).toPromise();
  assert.equal(error.graphQLErrors[0].extensions.code, "FORBIDDEN");
});

await t.check("a bad token is told", async () => {
  const urql = client({ authorization: "Bearer nothing" });
  const { error } = await urql.query("{ viewer { subject } }", {}).toPromise();
  assert.equal(error.graphQLErrors[0].extensions.code, "UNAUTHENTICATED");
});

await t.check("a command whose answer was lost is sent again and recorded once", async () => {
  const urql = client(t.officer, { fetch: t.losesTheFirstAnswer() });
  const input = t.command("urql");
  const lost = await urql.mutation(t.REGISTER, { input }).toPromise();
  assert.ok(lost.error.networkError);
  const { data } = await urql.mutation(t.REGISTER, { input }).toPromise();
  assert.equal(data.registerOperator.__typename, "Recorded", data.registerOperator.message);
  assert.equal(data.registerOperator.version, 1);
});

await t.check("@defer is refused in words", async () => {
  const { error } = await client(t.partner).query(t.DEFERRED, {}).toPromise();
  assert.match(error.graphQLErrors[0].message, /^@defer: .*whole/);
});
