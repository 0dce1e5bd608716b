import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";

const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: new HttpLink({
    uri: `${process.env.REGISTRY_URL}/graphql`,
    headers: { authorization: `Bearer ${process.env.REGISTRY_TOKEN}` },
  }),
});

const { data } = await client.query({
  query: gql`
    query Recognised($tin: TIN!, $in: AdministrationCode!, $early: AsOf, $late: AsOf) {
      early: recognition(tin: $tin, in: $in, asOf: $early) { outcome reasons { code message } }
      late: recognition(tin: $tin, in: $in, asOf: $late) { outcome reasons { code message } }
    }
  `,
  variables: {
    tin: "CN0000000012",
    in: "SG",
    early: { at: "2026-03-05T00:00:00Z", knownAt: "2026-03-06T00:00:00Z" },
    late: { at: "2026-03-05T00:00:00Z", knownAt: "2026-03-11T00:00:00Z" },
  },
});
console.log("early:", data.early.outcome);
console.log("late:", data.late.outcome);
