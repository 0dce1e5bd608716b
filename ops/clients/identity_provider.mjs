// A real identity provider (oidc-provider) that the register accepts: machines get tokens at it, and
// a person signs in at it.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";

import * as jose from "jose";
import { Provider } from "oidc-provider";

import { check } from "./checking.mjs";

const register = process.env.REGISTRY_URL;
const issuer = process.env.REGISTRY_PROVIDER;
const own = JSON.parse(readFileSync(`${process.env.REGISTRY_HOME}/sign-in-public.json`, "utf8"));
const ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const GROUPS = { country: "KR", role: "partner", groups: ["aeo"] };

async function keyPair(kid) {
  const pair = await jose.generateKeyPair("ES256", { extractable: true });
  const jwk = await jose.exportJWK(pair.publicKey);
  return { ...pair, kid, jwk: { ...jwk, kid, alg: "ES256", use: "sig" } };
}

const signing = await keyPair("provider");
const machine = await keyPair("machine");
const confirmed = await keyPair("confirmed");
const common = {
  token_endpoint_auth_method: "private_key_jwt",
  token_endpoint_auth_signing_alg: "ES256",
  id_token_signed_response_alg: "ES256",
};
const provider = new Provider(issuer, {
  jwks: { keys: [{ ...(await jose.exportJWK(signing.privateKey)), kid: "provider", alg: "ES256" }] },
  clients: [
    {
      ...common,
      client_id: "machine",
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      jwks: { keys: [machine.jwk] },
    },
    {
      ...common,
      client_id: "register",
      grant_types: ["authorization_code"],
      redirect_uris: [`${register}/sign-in/callback`],
      response_types: ["code"],
      backchannel_logout_uri: `${register}/sign-in/back-channel-logout`,
      jwks: { keys: [{ ...own, alg: "ES256", use: "sig" }] },
    },
  ],
  scopes: ["openid", "aeo", "recognition"],
  claims: { openid: ["sub"], aeo: Object.keys(GROUPS) },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, ...GROUPS, country: "CN", role: "officer" }),
  }),
  extraTokenClaims: () => GROUPS,
  pkce: { required: () => true },
  features: {
    clientCredentials: { enabled: true },
    dPoP: { enabled: true },
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource) => ({
        scope: "recognition",
        audience: resource,
        accessTokenTTL: 300,
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: "ES256" } },
      }),
    },
  },
  cookies: { keys: ["a-secret-of-this-check"] },
  // By default it calls no address of its own machine, and the register is one here.
  fetch: (address, { dispatcher, ...options }) => fetch(address, options),
});
const server = provider.listen(new URL(issuer).port, "127.0.0.1");

async function proof(method, url, token, nonce) {
  const claims = { htm: method, htu: url, jti: randomUUID(), nonce };
  if (token) {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
    claims.ath = jose.base64url.encode(new Uint8Array(digest));
  }
  const { kty, crv, x, y } = confirmed.jwk;
  return new jose.SignJWT(claims)
    .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk: { kty, crv, x, y } })
    .setIssuedAt()
    .sign(confirmed.privateKey);
}

async function token(resource, headers = {}) {
  const assertion = await new jose.SignJWT({ jti: randomUUID() })
    .setProtectedHeader({ alg: "ES256", kid: "machine" })
    .setIssuer("machine")
    .setSubject("machine")
    .setAudience(issuer)
    .setIssuedAt()
    .setExpirationTime("1 minute")
    .sign(machine.privateKey);
  const answer = await fetch(`${issuer}/token`, {
    method: "POST",
    headers,
    body: new URLSearchParams({
      grant_type: "client_credentials",
      client_assertion_type: ASSERTION,
      client_assertion: assertion,
      scope: "recognition",
      resource,
    }),
  });
  const said = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(said));
  return said.access_token;
}

let nonce; // the last one that the register gave

async function asked(authorization, headers = {}) {
  const answer = await fetch(`${register}/graphql`, {
    method: "POST",
    headers: { authorization, "content-type": "application/json", ...headers },
    body: JSON.stringify({ query: "{ viewer { subject } }" }),
  });
  const said = await answer.json();
  nonce = answer.headers.get("dpop-nonce") ?? nonce;
  if (answer.status === 401) return said.errors[0].extensions.reason;
  return said.data.viewer.subject;
}

await check("client credentials: its token names the partner", async () => {
  assert.equal(await asked(`Bearer ${await token(register)}`), "partner:KR");
});

await check("its token for another service is refused", async () => {
  assert.equal(await asked(`Bearer ${await token("http://127.0.0.1:1")}`), "TOKEN_AUDIENCE");
});

await check("its token with another signature is refused", async () => {
  const [head, body] = (await token(register)).split(".");
  const other = (await token(register)).split(".")[2];
  assert.equal(await asked(`Bearer ${head}.${body}.${other}`), "TOKEN_SIGNATURE");
});

await check("DPoP: its bound token is good with a proof that has a nonce, once", async () => {
  const bound = await token(register, { DPoP: await proof("POST", `${issuer}/token`) });
  const without = { DPoP: await proof("POST", `${register}/graphql`, bound) };
  assert.equal(await asked(`DPoP ${bound}`, without), "DPOP_NONCE");
  const shown = { DPoP: await proof("POST", `${register}/graphql`, bound, nonce) };
  assert.equal(await asked(`DPoP ${bound}`, shown), "partner:KR");
  assert.equal(await asked(`DPoP ${bound}`, shown), "DPOP_REPLAYED");
  assert.equal(await asked(`Bearer ${bound}`), "DPOP_MISSING");
});

// A browser: one jar of cookies for each host, and every redirection followed by hand.
const jars = { [new URL(register).port]: {}, [new URL(issuer).port]: {} };

async function browse(address, form) {
  const jar = jars[new URL(address).port];
  const cookie = Object.entries(jar).map(([name, value]) => `${name}=${value}`).join("; ");
  const answer = await fetch(address, {
    method: form ? "POST" : "GET",
    headers: { cookie, accept: "text/html" },
    body: form && new URLSearchParams(form),
    redirect: "manual",
  });
  for (const line of answer.headers.getSetCookie()) {
    const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
    if (!value || /max-age=0|expires=thu, 01 jan 1970/i.test(line)) delete jar[name];
    else jar[name] = value;
  }
  return { location: answer.headers.get("location"), status: answer.status, text: await answer.text() };
}

async function signIn() {
  let address = `${register}/sign-in/start?issuer=0&next=/countries`;
  let form, page;
  for (let step = 0; step < 15; step += 1) {
    page = await browse(address, form);
    form = undefined;
    if (page.location) {
      address = new URL(page.location, address).href;
      continue;
    }
    const prompt = page.text.match(/name="prompt" value="(\w+)"/);
    if (!prompt) break;
    form = { prompt: prompt[1], login: "li.wei", password: "anything" };
  }
  assert.match(page.text, /You ask as <strong>an officer of the customs of China/, `${page.status} ${address} ${page.text}`);
}

await check("a person signs in, the pages answer as to one, and signs out", async () => {
  await signIn();
  const shown = await browse(`${register}/sign-in`);
  const csrf = shown.text.match(/name="csrf" value="(\w+)"/)[1];
  const kept = { ...jars[new URL(register).port] };
  assert.equal((await browse(`${register}/sign-out`, { csrf })).status, 303);
  Object.assign(jars[new URL(register).port], kept); // somebody kept the cookie
  assert.equal((await browse(`${register}/countries`)).status, 401);
});

await check("a person who signs out at the provider is signed out here (back-channel)", async () => {
  await signIn();
  const asks = await browse(`${issuer}/session/end`);
  const xsrf = asks.text.match(/name="xsrf" value="([^"]+)"/)[1];
  await browse(`${issuer}/session/end/confirm`, { xsrf, logout: "yes" });
  assert.equal((await browse(`${register}/countries`)).status, 401);
});

server.close();
server.closeAllConnections();
process.exit();
