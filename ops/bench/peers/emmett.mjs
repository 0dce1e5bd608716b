// emmett's event store on PostgreSQL: so many writers, each appending one event to a stream of its own.
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.env.PEER_MODULES + "/");
const { getPostgreSQLEventStore } = await import(
  pathToFileURL(require.resolve("@event-driven-io/emmett-postgresql")).href
);
const [writers, seconds] = process.argv.slice(2).map(Number);
const data = JSON.parse(process.env.PEER_STATE);
const store = getPostgreSQLEventStore(process.env.PEER_DATABASE);
const append = () =>
  store.appendToStream(`operator-${randomUUID()}`, [{ type: "operator.granted", data }], {
    expectedStreamVersion: "STREAM_DOES_NOT_EXIST",
  });
for (let n = 0; n < 20; n++) await append(); // makes its tables, and is compiled
const until = performance.now() + seconds * 1000;
let done = 0;
await Promise.all(
  Array.from({ length: writers }, async () => {
    while (performance.now() < until) {
      await append();
      done++;
    }
  }),
);
console.log(`rate ${done / seconds}`);
await store.close();
