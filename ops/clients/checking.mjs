// What the checks of the JavaScript clients share: where the register is, and how a result is told.
import { randomUUID } from "node:crypto";

export const url = process.env.REGISTRY_URL + "/graphql";
export const partner = { authorization: `Bearer ${process.env.REGISTRY_TOKEN}` };
export const officer = { authorization: `Bearer ${process.env.REGISTRY_OFFICER}` };

// An operator that was suspended from 2026-03-01, which was recorded on 2026-03-10.
export const TIN = "CN0000000012";
const DAY = "2026-03-05T00:00:00Z";
export const before = { at: DAY, knownAt: "2026-03-06T00:00:00Z" };
export const after = { at: DAY, knownAt: "2026-03-11T00:00:00Z" };

export const BELIEFS = `query Beliefs($tin: TIN!, $before: AsOf, $after: AsOf) {
  before: operator(tin: $tin, asOf: $before) { id tin standing }
  after: operator(tin: $tin, asOf: $after) { id tin standing }
}`;
export const STANDING = `query Standing($tin: TIN!, $asOf: AsOf) {
  operator(tin: $tin, asOf: $asOf) { id tin standing }
}`;
export const REGISTER = `mutation Register($input: RegisterOperatorInput!) {
  registerOperator(input: $input) {
    __typename
    ... on Recorded { stream version position }
    ... on Refused { code message }
  }
}`;
export const DEFERRED = `query Deferred { viewer { subject } ...Later @defer }
fragment Later on Query { log { size } }`;

// A command that was never given before: each client registers an operator of its own.
export function command(name) {
  const number = String(Math.floor(Math.random() * 1e9)).padStart(9, "0");
  return { commandId: randomUUID(), tin: `CN7${number}`, name, roles: ["EXPORTER"] };
}

// A fetch whose first answer is lost on its way back: the command arrives, and nobody is told.
export function losesTheFirstAnswer() {
  let sent = 0;
  return async (...said) => {
    const response = await fetch(...said);
    sent += 1;
    if (sent === 1) {
      await response.text();
      throw new TypeError("the answer was lost");
    }
    return response;
  };
}

// Runs one check and tells its result in a line: what, and ok or what is wrong.
export async function check(what, tried) {
  try {
    await tried();
    console.log(`ok\t${what}`);
  } catch (error) {
    console.log(`failed\t${what}\t${String(error.message ?? error).replace(/\s+/g, " ")}`);
    process.exitCode = 1;
  }
}
