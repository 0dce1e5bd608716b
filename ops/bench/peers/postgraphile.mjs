// PostGraphile 5 as its manual has it for production: the amber preset, no tools, a process a core.
import cluster from "node:cluster";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.env.PEER_MODULES + "/");
const load = async (name) => import(pathToFileURL(require.resolve(name)).href);

if (cluster.isPrimary) {
  for (let i = 0; i < 2; i++) cluster.fork();
} else {
  const { postgraphile } = await load("postgraphile");
  const { PostGraphileAmberPreset } = await load("postgraphile/presets/amber");
  const { makePgService } = await load("postgraphile/adaptors/pg");
  const { grafserv } = await load("postgraphile/grafserv/node");
  const service = postgraphile({
    extends: [PostGraphileAmberPreset],
    pgServices: [
      makePgService({
        connectionString: process.env.PEER_DATABASE,
        schemas: ["peer"],
        pubsub: false,
        poolConfig: { max: 8, idleTimeoutMillis: 600000 },
      }),
    ],
    schema: { defaultBehavior: "-connection +list", pgForbidSetofFunctionsToReturnNull: true },
    grafast: { explain: false },
    grafserv: { graphqlPath: "/graphql", graphiql: false, websockets: false, watch: false },
  }).createServ(grafserv);
  const server = createServer();
  server.on("error", (error) => { console.error(error); process.exit(1); });
  await service.addTo(server);
  server.listen(Number(process.env.PEER_PORT), "127.0.0.1");
}
