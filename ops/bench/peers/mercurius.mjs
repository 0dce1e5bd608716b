// mercurius with its JIT compiler and its loaders, on fastify, a process a core.
import cluster from "node:cluster";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.env.PEER_MODULES + "/");

if (cluster.isPrimary) {
  for (let i = 0; i < 2; i++) cluster.fork();
} else {
  const pg = require("pg");
  const app = require("fastify")({ logger: false });
  const pool = new pg.Pool({
    connectionString: process.env.PEER_DATABASE, max: 8, idleTimeoutMillis: 600000,
  });
  const rows = async (name, text, values) => (await pool.query({ name, text, values })).rows;
  const by = (found, key) => {
    const groups = new Map();
    for (const row of found) {
      if (!groups.has(row[key])) groups.set(row[key], []);
      groups.get(row[key]).push(row);
    }
    return groups;
  };
  const verdict = (r) => ({
    ...r,
    in: r.territory,
    reasons: r.reasons.map((code) => ({ code })),
    bases: r.bases.map((b) => ({ ...b, agreement: { id: b.agreement } })),
  });
  const OPERATOR = `select tin, name, local_name as "localName", address, standing, roles, source
    from peer.operator where tin = any($1::text[])`;
  app.register(require("mercurius"), {
    schema: readFileSync(new URL("questions.graphql", import.meta.url), "utf8"),
    jit: 1,
    graphiql: false,
    resolvers: {
      Query: {
        operator: async (_, { tin }) => (await rows("operator", OPERATOR, [[tin]]))[0] ?? null,
        operatorsByTin: async (_, { tins }) => {
          const found = by(await rows("operator", OPERATOR, [tins]), "tin");
          return tins.map((tin) => found.get(tin)?.[0] ?? null);
        },
        recognition: async (_, { tin, in: territory }) =>
          verdict((await rows("recognition", "select * from peer.verdicts(array[$1], $2)", [tin, territory]))[0]),
        recognitions: async (_, { tins, in: territory }) =>
          (await rows("recognitions", "select * from peer.verdicts($1, $2)", [tins, territory])).map(verdict),
      },
    },
    loaders: {
      Operator: {
        periods: {
          opts: { cache: false },
          loader: async (asked) => {
            const first = asked[0].params.first;
            const found = by(await rows("periods", `select p.tin, p.authorisation, p.status,
                p.valid_from as "validFrom", p.valid_to as "validTo",
                p.recorded_from as "recordedFrom", p.recorded_to as "recordedTo"
              from unnest($1::text[]) k(tin) cross join lateral (
                select * from peer.period p where p.tin = k.tin
                order by p.valid_from desc, p.recorded_from desc, p.reference, p.position desc
                limit $2) p`,
              [asked.map((it) => it.obj.tin), first]), "tin");
            return asked.map((it) => found.get(it.obj.tin) ?? []);
          },
        },
        recognisedIn: {
          opts: { cache: false },
          loader: async (asked) => {
            const found = by(await rows("recognised", "select * from peer.verdicts($1, null)",
              [asked.map((it) => it.obj.tin)]), "tin");
            return asked.map((it) => (found.get(it.obj.tin) ?? []).map(verdict));
          },
        },
      },
    },
  });
  await app.listen({ port: Number(process.env.PEER_PORT), host: "127.0.0.1" });
}
