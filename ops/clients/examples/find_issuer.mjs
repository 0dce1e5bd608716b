// node find_issuer.mjs: prints the issuer of tokens, which a refusal leads to (RFC 9728).
const refusal = await fetch(`${process.env.REGISTRY_URL}/graphql`, {
  method: "POST",
  headers: { authorization: "Bearer none", "content-type": "application/json" },
  body: JSON.stringify({ query: "{ viewer { role } }" }),
});
const challenge = refusal.headers.get("www-authenticate"); // of the 401
const metadata = /resource_metadata="([^"]+)"/.exec(challenge)[1];
console.log((await (await fetch(metadata)).json()).authorization_servers[0]);
