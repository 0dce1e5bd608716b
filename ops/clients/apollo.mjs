// Apollo Client 4, or 3 with the argument `3`: its normalised cache, its links, its errors.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

import * as t from "./checking.mjs";

const require = createRequire(import.meta.url);
const OLD = process.argv[2] === "3";
const name = OLD ? "apollo-client-3" : "@apollo/client";
const { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } = require(`${name}/core`.replace(
  "@apollo/client/core", "@apollo/client",
));
const { RetryLink } = require(`${name}/link/retry`);
const { createPersistedQueryLink, PersistedQueryLink } = require(`${name}/link/persisted-queries`);
const { createHash } = require("node:crypto");
const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const persisted = (options) =>
  OLD ? createPersistedQueryLink(options) : new PersistedQueryLink(options);

function client(headers, { fetch, links = [] } = {}) {
  const http = new HttpLink({ uri: t.url, headers, fetch });
  return new ApolloClient({ link: ApolloLink.from([...links, http]), cache: new InMemoryCache() });
}

const beliefs = { tin: t.TIN, before: t.before, after: t.after };

await t.check("two aliases with two beliefs stay two records of its cache", async () => {
  const apollo = client(t.partner);
  const { data } = await apollo.query({ query: gql(t.BELIEFS), variables: beliefs });
  assert.equal(data.before.standing, "VALID");
  assert.equal(data.after.standing, "SUSPENDED");
  const kept = apollo.readQuery({ query: gql(t.BELIEFS), variables: beliefs });
  assert.equal(kept.before.standing, "VALID");
  assert.equal(kept.after.standing, "SUSPENDED");
});

await t.check("a later question about another belief leaves what is watched as it was", async () => {
  const apollo = client(t.partner);
  const ask = (asOf) =>
    apollo.query({ query: gql(t.STANDING), variables: { tin: t.TIN, asOf } });
  await ask(t.before);
  await ask(t.after);
  const kept = apollo.readQuery({
    query: gql(t.STANDING), variables: { tin: t.TIN, asOf: t.before },
  });
  assert.equal(kept.operator.standing, "VALID");
});

await t.check("an agreement of two days stays two records of its cache", async () => {
  const apollo = client(t.partner);
  const query = gql(`query Days($early: AsOf, $late: AsOf) {
    early: agreement(id: "CN-AU-AEO", asOf: $early) { id status }
    late: agreement(id: "CN-AU-AEO", asOf: $late) { id status }
  }`);
  const variables = {
    early: { at: "2017-01-01T00:00:00Z" }, late: { at: "2025-01-01T00:00:00Z" },
  };
  const { data } = await apollo.query({ query, variables });
  assert.notEqual(data.early.status, data.late.status);
  assert.deepEqual(apollo.readQuery({ query, variables }), data);
});

await t.check("the code of an error arrives", async () => {
  const query = gql('{ changes(for: "KR", after: 0) { next } }');
  const failed = await client(t.partner).query({ query }).catch((error) => error);
  const [error] = OLD ? failed.graphQLErrors : failed.errors;
  assert.equal(error.extensions.code, "FORBIDDEN");
});

await t.check("a bad token is 401 with its code", async () => {
  const apollo = client({ authorization: "Bearer nothing" });
  const failed = await apollo.query({ query: gql("{ viewer { subject } }") }).catch((e) => e);
  const found = OLD
    ? failed.networkError.result.errors[0].extensions.code
    : (failed.errors?.[0]?.extensions.code ?? JSON.parse(failed.bodyText).errors[0].extensions.code);
  assert.equal(found, "UNAUTHENTICATED");
});

await t.check("a command whose answer was lost is sent again and recorded once", async () => {
  const retry = new RetryLink({ delay: { initial: 1 }, attempts: { max: 3 } });
  const apollo = client(t.officer, { fetch: t.losesTheFirstAnswer(), links: [retry] });
  const variables = { input: t.command("Apollo") };
  const mutation = gql(t.REGISTER);
  const { registerOperator: outcome } = (await apollo.mutate({ mutation, variables })).data;
  assert.equal(outcome.__typename, "Recorded", outcome.message);
  assert.equal(outcome.version, 1);
});

await t.check("a persisted query is asked for by its hash, sent once, and found", async () => {
  const bodies = [];
  const spying = async (address, options) => {
    bodies.push(options.body ?? address);
    return fetch(address, options);
  };
  const link = persisted({ sha256 });
  const query = gql(t.STANDING.replace("Standing", `Persisted${Date.now()}`));
  const ask = () =>
    client(t.partner, { fetch: spying, links: [link] })
      .query({ query, variables: { tin: t.TIN, asOf: t.before } });
  assert.equal((await ask()).data.operator.standing, "VALID");
  assert.ok(!bodies[0].includes("standing") && bodies[1].includes("standing"));
  // The processes of the service keep what they were shown each for itself.
  for (let tries = 0; tries < 30; tries += 1) {
    const asked = bodies.length;
    assert.equal((await ask()).data.operator.standing, "VALID");
    if (bodies.length === asked + 1) return;
  }
  assert.fail("the document was sent each time");
});

await t.check("a persisted query is asked for by GET", async () => {
  const methods = [];
  const spying = async (address, options) => {
    methods.push(options.method);
    return fetch(address, options);
  };
  const link = persisted({ sha256, useGETForHashedQueries: true });
  const query = gql(t.STANDING.replace("Standing", `Got${Date.now()}`));
  const apollo = client(t.partner, { fetch: spying, links: [link] });
  const { data } = await apollo.query({ query, variables: { tin: t.TIN, asOf: t.after } });
  assert.equal(data.operator.standing, "SUSPENDED");
  assert.equal(methods[0], "GET");
});

await t.check("@defer is refused in words", async () => {
  const response = await fetch(t.url, {
    method: "POST",
    headers: {
      ...t.partner,
      "content-type": "application/json",
      accept: "multipart/mixed;deferSpec=20220824,application/graphql-response+json",
    },
    body: JSON.stringify({ query: t.DEFERRED }),
  });
  const { errors } = await response.json();
  assert.equal(errors[0].extensions.code, "BAD_INPUT");
  assert.match(errors[0].message, /^@defer: .*whole/);
});
