import { Client, fetchExchange, gql } from "@urql/core";

const client = new Client({
  url: `${process.env.REGISTRY_URL}/graphql`,
  fetchOptions: { headers: { authorization: `Bearer ${process.env.REGISTRY_TOKEN}` } },
  exchanges: [fetchExchange],
});

const question = gql`
  query Recognised($tin: TIN!, $in: AdministrationCode!, $early: AsOf, $late: AsOf) {
    early: recognition(tin: $tin, in: $in, asOf: $early) { outcome reasons { code message } }
    late: recognition(tin: $tin, in: $in, asOf: $late) { outcome reasons { code message } }
  }
`;
const { data, error } = await client.query(question, {
  tin: "CN0000000012",
  in: "SG",
  early: { at: "2026-03-05T00:00:00Z", knownAt: "2026-03-06T00:00:00Z" },
  late: { at: "2026-03-05T00:00:00Z", knownAt: "2026-03-11T00:00:00Z" },
}).toPromise();
if (error) throw error;
console.log("early:", data.early.outcome);
console.log("late:", data.late.outcome);
