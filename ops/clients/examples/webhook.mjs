// node webhook.mjs PORT: receives the messages of a webhook, checks them, and prints what changed.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const { REGISTRY_URL: url, REGISTRY_TOKEN: token, REGISTRY_WEBHOOK_SECRET: secret } = process.env;
const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");

function isGenuine(headers, body) { // the signature is over id, time and body; old messages are refused
  const [id, at] = [headers["webhook-id"], headers["webhook-timestamp"]];
  const wanted = createHmac("sha256", key).update(`${id}.${at}.`).update(body).digest();
  const recent = Math.abs(Date.now() / 1000 - Number(at)) < 300;
  return recent && headers["webhook-signature"].split(" ").some((text) => {
    const found = Buffer.from(text.replace(/^v1,/, ""), "base64");
    return found.length === wanted.length && timingSafeEqual(found, wanted);
  });
}

async function read(variables) {
  const answer = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({
      query: `query Changes($for: AdministrationCode!, $after: Position!, $epoch: String) {
        changes(for: $for, after: $after, epoch: $epoch) { next head changes { tin was now } }
      }`,
      variables,
    }),
  });
  return (await answer.json()).data.changes.changes;
}

createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  const genuine = isGenuine(request.headers, body);
  response.writeHead(genuine ? 204 : 401).end(); // answer first, work afterwards
  if (!genuine) return;
  const { for: territory, after, epoch } = JSON.parse(body).data; // a message says where to read
  for (const { tin, was, now } of await read({ for: territory, after, epoch })) console.log(tin, was, now);
}).listen(Number(process.argv[2]), "127.0.0.1");
