// node register_key.mjs sg-border: makes a key (sg-border.json), and registers its public part. An officer of
// your administration does the second part: REGISTRY_OFFICER is the officer's token.
import { createHash, generateKeyPairSync, randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";

const [client, url] = [process.argv[2], process.env.REGISTRY_URL];
const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const { crv, kty, x, y } = publicKey.export({ format: "jwk" });
const kid = createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url"); // RFC 7638
const file = { issuer: url, client, key: { ...privateKey.export({ format: "jwk" }), kid } };
writeFileSync(`${client}.json`, JSON.stringify(file), { mode: 0o600, flag: "wx" }); // you alone can read it

const about = { client, name: "Border system", actsFor: "partner:SG" };
const answer = await fetch(`${url}/graphql`, {
  method: "POST",
  headers: { authorization: `Bearer ${process.env.REGISTRY_OFFICER}`, "content-type": "application/json" },
  body: JSON.stringify({
    query: `mutation ($client: RegisterClientInput!, $key: AddClientKeyInput!) {
      registerClient(input: $client) { __typename ... on Refused { code message } }
      addClientKey(input: $key) { __typename ... on Refused { code message } }
    }`,
    variables: {
      client: { commandId: randomUUID(), ...about },
      key: { commandId: randomUUID(), client, key: { crv, kty, x, y } },
    },
  }),
});
console.log(await answer.text());
