// relay-compiler takes the schema, and relay-runtime keeps what it is answered apart.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";

import babel from "@babel/core";
import relay from "relay-runtime";

import * as t from "./checking.mjs";

const {
  ConnectionHandler, Environment, Network, RecordSource, Store, commitMutation,
  createOperationDescriptor, fetchQuery, getRequest,
} = relay;

await t.check("relay-compiler takes the schema and a @connection", async () => {
  copyFileSync("examples/ask_with_relay.js", "relay/ask_with_relay.js");
  try {
    execFileSync("node_modules/.bin/relay-compiler", [], { stdio: "pipe" });
  } catch (error) {
    throw new Error(`${error.stdout}${error.stderr}`);
  }
});
const plugins = [["relay", { eagerEsModules: true }]];

// As a bundler would: the questions in their place, and modules by their whole names.
function compile(name) {
  const said = { plugins, filename: `relay/${name}.js`, cwd: process.cwd(), configFile: false };
  const { code } = babel.transformSync(readFileSync(`relay/${name}.js`, "utf8"), said);
  const named = code
    .replace(/"(\.\/__generated__\/[\w.]+?)(\.js)?"/g, '"$1.js"')
    .replace(/^import \{ graphql \} from .relay-runtime.;$/m, "")
    .replace("import relay, { graphql }", "import relay");
  writeFileSync(`relay/${name}.mjs`, named);
  return `./relay/${name}.mjs`;
}

const questions = await import(compile("questions")).catch((error) => {
  console.log(`failed\trelay-runtime\tnothing was compiled: ${error.message}`);
  process.exit(1);
});

await t.check("the example of /developers is compiled and answered", async () => {
  const said = execFileSync("node", [compile("ask_with_relay")], { encoding: "utf8" });
  assert.equal(said, "early: RECOGNISED\nlate: NOT_RECOGNISED\n");
});

function environment(headers, { fetch: send = fetch } = {}) {
  const ask = async ({ text: query }, variables) => {
    const response = await send(t.url, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ query, variables }),
    });
    return response.json();
  };
  return new Environment({ network: Network.create(ask), store: new Store(new RecordSource()) });
}

const ask = (at, query, variables) => fetchQuery(at, query, variables).toPromise();
function kept(at, query, variables) {
  const descriptor = createOperationDescriptor(getRequest(query), variables);
  at.retain(descriptor);
  return at.lookup(descriptor.fragment).data;
}

await t.check("two aliases with two beliefs stay two records of its store", async () => {
  const at = environment(t.partner);
  const variables = { tin: t.TIN, before: t.before, after: t.after };
  const data = await ask(at, questions.beliefs, variables);
  assert.equal(data.before.standing, "VALID");
  assert.equal(data.after.standing, "SUSPENDED");
  const found = kept(at, questions.beliefs, variables);
  assert.equal(found.before.standing, "VALID");
});

await t.check("a later question about another belief leaves what is kept as it was", async () => {
  const at = environment(t.partner);
  await ask(at, questions.standing, { tin: t.TIN, asOf: t.before });
  await ask(at, questions.standing, { tin: t.TIN, asOf: t.after });
  const found = kept(at, questions.standing, { tin: t.TIN, asOf: t.before });
  assert.equal(found.operator.standing, "VALID");
});

await t.check("a record is fetched again by its id, as it was believed", async () => {
  const at = environment(t.partner);
  const variables = { tin: t.TIN, before: t.before, after: t.after };
  const beliefs = await ask(at, questions.beliefs, variables);
  for (const belief of [beliefs.before, beliefs.after]) {
    const { node } = await ask(at, questions.node, { id: belief.id });
    assert.deepEqual([node.id, node.standing], [belief.id, belief.standing]);
  }
});

await t.check("pages of a @connection are put together, each operator once", async () => {
  const at = environment(t.partner);
  const [size, pages] = [5, 3];
  const seen = [];
  let after = null;
  for (let page = 0; page < pages; page += 1) {
    const { operators } = await ask(at, questions.operators, { first: size, after });
    after = operators.pageInfo.endCursor;
    seen.length = 0;
    seen.push(...operators.edges.map((edge) => edge.node.tin));
    assert.equal(operators.pageInfo.hasNextPage, true);
  }
  assert.equal(seen.length, size * pages);
  assert.equal(new Set(seen).size, size * pages);
  assert.ok(ConnectionHandler.getConnectionID("client:root", "questions_operators"));
});

await t.check("the sentence of an error arrives", async () => {
  const failed = await ask(environment(t.partner), questions.forbidden, {}).catch((e) => e);
  assert.match(JSON.stringify(failed.source?.errors ?? failed.message), /FORBIDDEN|may not follow/);
});

await t.check("a command whose answer was lost is sent again and recorded once", async () => {
  const at = environment(t.officer, { fetch: t.losesTheFirstAnswer() });
  const variables = { input: t.command("Relay") };
  const commit = () =>
    new Promise((onCompleted, onError) => {
      commitMutation(at, { mutation: questions.register, variables, onCompleted, onError });
    });
  await assert.rejects(commit());
  const { registerOperator: outcome } = await commit();
  assert.equal(outcome.__typename, "Recorded", outcome.message);
  assert.equal(outcome.version, 1);
});
