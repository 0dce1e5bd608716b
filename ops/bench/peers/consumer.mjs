// emmett's consumer with a projection into its document store: events first, then as many as it can show.
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.env.PEER_MODULES + "/");
const { getPostgreSQLEventStore, pongoSingleStreamProjection } = await import(
  pathToFileURL(require.resolve("@event-driven-io/emmett-postgresql")).href
);
const seconds = Number(process.argv[2]);
const store = getPostgreSQLEventStore(process.env.PEER_DATABASE);
const STREAM = 10;
const wanted = Math.ceil((800 * seconds) / STREAM);
for (let n = 0; n < wanted; n++) {
  const events = Array.from({ length: STREAM }, (_, version) => ({
    type: "moved", data: { version, status: "VALID", ground: "Order 237" },
  }));
  await store.appendToStream(`operator-${randomUUID()}`, events);
}
let shown = 0, began = 0;
const consumer = store.consumer();
consumer.projector({
  processorId: "shown",
  projection: pongoSingleStreamProjection({
    collectionName: "shown",
    canHandle: ["moved"],
    initialState: () => ({ moved: 0 }),
    evolve: (state, { data }) => {
      began ||= performance.now();
      shown++;
      return { ...state, moved: state.moved + 1, status: data.status };
    },
  }),
});
const running = consumer.start();
running.catch(() => {});
const until = performance.now() + seconds * 1000 + 2000;
while (performance.now() < until && shown < wanted * STREAM) {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
console.log(`rate ${shown / ((performance.now() - began) / 1000)}`);
process.exit(0);
