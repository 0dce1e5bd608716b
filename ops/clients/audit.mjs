// The audit of graphql-http: what GraphQL over HTTP says that a server must, should and may do.
import { serverAudits } from "graphql-http";

import * as t from "./checking.mjs";

const audits = serverAudits({
  url: t.url,
  fetchFn: (address, options) =>
    fetch(address, { ...options, headers: { ...options?.headers, ...t.partner } }),
});
for (const audit of audits) {
  const result = await audit.fn();
  const what = audit.name.replaceAll("\t", " ");
  const why = (result.reason ?? "").replace(/\s+/g, " ");
  if (result.status === "ok") {
    console.log(`ok\t${what}`);
  } else if (what.startsWith("MUST")) {
    console.log(`failed\t${what}\t${why}`);
    process.exitCode = 1;
  } else {
    console.log(`noted\t${what}\t${why}`);
  }
}
