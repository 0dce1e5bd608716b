// node changes.mjs cursor.json: what changed for Singapore since the last time; run it every night.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

const file = process.argv[2];
let cursor = existsSync(file) ? JSON.parse(readFileSync(file)) : { after: 0, epoch: null };
for (let head = Infinity; cursor.after < head; ) {
  const answer = await fetch(`${process.env.REGISTRY_URL}/graphql`, {
    method: "POST",
    headers: { authorization: `Bearer ${process.env.REGISTRY_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({
      query: `query ($after: Position!, $epoch: String) {
        changes(for: "SG", after: $after, epoch: $epoch) { next head epoch changes { tin was now } }
      }`,
      variables: cursor,
    }),
  });
  const { data, errors } = await answer.json();
  if (errors) throw new Error(errors[0].message); // code EPOCH: begin again from 0
  for (const { tin, was, now } of data.changes.changes) console.log(tin, was, now);
  head = data.changes.head;
  cursor = { after: data.changes.next, epoch: data.changes.epoch };
  writeFileSync(`${file}.draft`, JSON.stringify(cursor)); // after what it brought was kept
  renameSync(`${file}.draft`, file);
}
