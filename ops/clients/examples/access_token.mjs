// node access_token.mjs sg-border.json: prints an access token, got with the client's key (RFC 7523).
// A token is valid for five minutes; get another one then, and not one for each question.
import { createPrivateKey, randomUUID, sign } from "node:crypto";
import { readFileSync } from "node:fs";

const { issuer, client, key } = JSON.parse(readFileSync(process.argv[2]));
const metadata = await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json();
const [now, part] = [Math.floor(Date.now() / 1000), (value) => Buffer.from(JSON.stringify(value)).toString("base64url")];
const claims = { iss: client, sub: client, aud: issuer, jti: randomUUID(), iat: now, exp: now + 60 };
const signed = `${part({ alg: "ES256", kid: key.kid })}.${part(claims)}`;
const privateKey = createPrivateKey({ key, format: "jwk" });
const signature = sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" });

const answer = await fetch(metadata.token_endpoint, {
  method: "POST",
  body: new URLSearchParams({
    grant_type: "client_credentials",
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: `${signed}.${signature.toString("base64url")}`,
  }),
});
const found = await answer.json();
if (!answer.ok) throw new Error(JSON.stringify(found)); // error_description says what is wrong
console.log(found.access_token);
