// node receipt.mjs CN0000000012: asks with a signed receipt, and checks it without the register.
import { createPublicKey, verify } from "node:crypto";

const { REGISTRY_URL: url, REGISTRY_TOKEN: token } = process.env;
const { keys } = await (await fetch(`${url}/log/receipt-keys`)).json(); // once, and kept
const answer = await fetch(`${url}/graphql`, {
  method: "POST",
  headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  body: JSON.stringify({
    query: `query ($tin: TIN!) { recognition(tin: $tin, in: "SG", receipt: true) { receipt { jwt } } }`,
    variables: { tin: process.argv[2] },
  }),
});
const [header, claims, signature] = (await answer.json()).data.recognition.receipt.jwt.split(".");

const read = (part) => JSON.parse(Buffer.from(part, "base64url"));
const { kid, typ } = read(header);
const key = createPublicKey({ key: keys.find((each) => each.kid === kid), format: "jwk" });
const genuine = verify(null, Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, "base64url"));
if (!genuine || typ !== "vc+jwt") throw new Error("this receipt is forged");
const { question, answer: given, askedBy } = read(claims).credentialSubject;
console.log(question.tin, given.outcome, askedBy);
