// openid-client, a certified library, against the register's own authorisation server.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import * as jose from "jose";
import * as oauth from "openid-client";

import { check } from "./checking.mjs";

const file = JSON.parse(readFileSync(process.env.REGISTRY_CLIENT, "utf8"));
const key = await jose.importJWK(file.key, "ES256");
const QUERY = JSON.stringify({ query: "{ viewer { subject } }" });
const HEADERS = new Headers({ "content-type": "application/json" });

const config = await oauth.discovery(
  new URL(file.issuer),
  file.client,
  undefined,
  oauth.PrivateKeyJwt({ key, kid: file.key.kid }),
  { algorithm: "oauth2", execute: [oauth.allowInsecureRequests] },
);

async function viewer(token, options) {
  const address = new URL(`${file.issuer}/graphql`);
  const answer = await oauth.fetchProtectedResource(
    config, token, address, "POST", QUERY, new Headers(HEADERS), options,
  );
  return (await answer.json()).data.viewer.subject;
}

await check("it finds everything from the metadata, and gets a token with a key", async () => {
  const said = await oauth.clientCredentialsGrant(config);
  assert.equal(said.expires_in, 300);
  assert.equal(await viewer(said.access_token), "partner:SG");
});

await check("it gets a token that is bound to a key, and proves that for each question", async () => {
  const DPoP = oauth.getDPoPHandle(config, await oauth.randomDPoPKeyPair("ES256"));
  const said = await oauth.clientCredentialsGrant(config, undefined, { DPoP });
  assert.equal(said.token_type, "dpop");
  assert.equal(await viewer(said.access_token, { DPoP }), "partner:SG");
  assert.equal(await viewer(said.access_token, { DPoP }), "partner:SG");
});

await check("an assertion of another key is refused as RFC 6749 has it", async () => {
  const { privateKey } = await jose.generateKeyPair("ES256");
  const other = await oauth.discovery(
    new URL(file.issuer),
    file.client,
    undefined,
    oauth.PrivateKeyJwt({ key: privateKey, kid: file.key.kid }),
    { algorithm: "oauth2", execute: [oauth.allowInsecureRequests] },
  );
  await assert.rejects(oauth.clientCredentialsGrant(other), (error) => {
    assert.equal(error.error, "invalid_client");
    assert.equal(error.error_description, "ASSERTION_SIGNATURE");
    return true;
  });
});

process.exit();
