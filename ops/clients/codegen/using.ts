// A partner's program in TypeScript: it compiles only if the generated types are those of the schema.
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";

import { ChangesDocument, RecognisedDocument, SuspendDocument } from "./generated";

declare function ask<Answer, Variables>(
  document: TypedDocumentNode<Answer, Variables>, variables: Variables,
): Promise<Answer>;

export async function mayRelyOn(tin: string, day: string): Promise<boolean | undefined> {
  const asOf = { at: day };
  const { recognition } = await ask(RecognisedDocument, { tin, in: "SG", asOf });
  switch (recognition.outcome) {
    case "RECOGNISED":
      return true;
    case "NOT_RECOGNISED":
      return false;
    case "UNKNOWN":
      return undefined;
  }
}

export async function follow(after: number): Promise<number> {
  const { changes } = await ask(ChangesDocument, { for: "SG", after });
  for (const change of changes.changes) console.log(change.tin, change.course.at(-1)?.outcome);
  return changes.next;
}

export async function suspend(commandId: string): Promise<string> {
  const input = { commandId, tin: "CN0000000012", reason: "an audit" };
  const { suspendAuthorisation: outcome } = await ask(SuspendDocument, { input });
  if (outcome.__typename === "Refused") return outcome.message;
  if (outcome.__typename === "Proposed") return "a second person decides";
  return `${outcome.epoch}:${outcome.position}`;
}
