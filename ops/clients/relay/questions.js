// What the checks ask through Relay; relay-compiler reads it, babel-plugin-relay puts it in place.
import { graphql } from "relay-runtime";

export const beliefs = graphql`
  query questionsBeliefsQuery($tin: TIN!, $before: AsOf, $after: AsOf) {
    before: operator(tin: $tin, asOf: $before) { id tin standing }
    after: operator(tin: $tin, asOf: $after) { id tin standing }
  }
`;

export const standing = graphql`
  query questionsStandingQuery($tin: TIN!, $asOf: AsOf) {
    operator(tin: $tin, asOf: $asOf) { id tin standing }
  }
`;

export const node = graphql`
  query questionsNodeQuery($id: ID!) {
    node(id: $id) {
      id
      ... on Operator { standing }
    }
  }
`;

export const operators = graphql`
  query questionsOperatorsQuery($first: Int!, $after: String) {
    operators(first: $first, after: $after) @connection(key: "questions_operators") {
      edges { node { id tin } }
      pageInfo { hasNextPage endCursor }
    }
  }
`;

export const forbidden = graphql`
  query questionsForbiddenQuery {
    changes(for: "KR", after: 0) { next }
  }
`;

export const register = graphql`
  mutation questionsRegisterMutation($input: RegisterOperatorInput!) {
    registerOperator(input: $input) {
      __typename
      ... on Recorded { stream version }
      ... on Refused { code message }
    }
  }
`;
