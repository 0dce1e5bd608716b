// graphql-codegen makes types of the schema, and the TypeScript compiler takes them.
import { execFileSync } from "node:child_process";

import * as t from "./checking.mjs";

function run(program, ...said) {
  try {
    execFileSync(`node_modules/.bin/${program}`, said, { stdio: "pipe" });
  } catch (error) {
    throw new Error(`${error.stdout}${error.stderr}`);
  }
}

await t.check("graphql-codegen takes the schema and the documents", async () => {
  run("graphql-codegen", "--config", "codegen/codegen.json");
});

await t.check("a program that uses the types compiles in strict mode", async () => {
  run(
    "tsc", "--noEmit", "--strict", "--target", "es2022", "--module", "esnext",
    "--moduleResolution", "bundler", "--skipLibCheck", "codegen/using.ts", "codegen/schema.ts",
  );
});
