// node ask.mjs: the first question, with what Node has by itself.
const answer = await fetch(`${process.env.REGISTRY_URL}/graphql`, {
  method: "POST",
  headers: { authorization: `Bearer ${process.env.REGISTRY_TOKEN}`, "content-type": "application/json" },
  body: JSON.stringify({
    query: `query Recognised($tin: TIN!, $in: AdministrationCode!, $early: AsOf, $late: AsOf) {
      early: recognition(tin: $tin, in: $in, asOf: $early) { outcome reasons { code message } }
      late: recognition(tin: $tin, in: $in, asOf: $late) { outcome reasons { code message } }
    }`,
    variables: {
      tin: "CN0000000012",
      in: "SG",
      early: { at: "2026-03-05T00:00:00Z", knownAt: "2026-03-06T00:00:00Z" },
      late: { at: "2026-03-05T00:00:00Z", knownAt: "2026-03-11T00:00:00Z" },
    },
  }),
});
console.log(await answer.text());
