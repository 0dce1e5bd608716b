import relay, { graphql } from "relay-runtime";

const { Environment, Network, RecordSource, Store, fetchQuery } = relay;

const network = Network.create(async ({ text: query }, variables) => {
  const response = await fetch(`${process.env.REGISTRY_URL}/graphql`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${process.env.REGISTRY_TOKEN}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
});
const environment = new Environment({ network, store: new Store(new RecordSource()) });

const question = graphql`
  query ask_with_relayQuery($tin: TIN!, $in: AdministrationCode!, $early: AsOf, $late: AsOf) {
    early: recognition(tin: $tin, in: $in, asOf: $early) { outcome reasons { code message } }
    late: recognition(tin: $tin, in: $in, asOf: $late) { outcome reasons { code message } }
  }
`;
const data = await fetchQuery(environment, question, {
  tin: "CN0000000012",
  in: "SG",
  early: { at: "2026-03-05T00:00:00Z", knownAt: "2026-03-06T00:00:00Z" },
  late: { at: "2026-03-05T00:00:00Z", knownAt: "2026-03-11T00:00:00Z" },
}).toPromise();
console.log("early:", data.early.outcome);
console.log("late:", data.late.outcome);
