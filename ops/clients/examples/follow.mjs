// node follow.mjs [POSITION]: what Singapore recognises, told as it changes (server-sent events).
const answer = await fetch(`${process.env.REGISTRY_URL}/graphql`, {
  method: "POST",
  headers: {
    authorization: `Bearer ${process.env.REGISTRY_TOKEN}`,
    accept: "text/event-stream",
    "content-type": "application/json",
  },
  body: JSON.stringify({
    query: `subscription ($after: Position) {
      recognitionChanged(for: "SG", after: $after) { tin was now effectiveFrom next epoch }
    }`,
    variables: { after: process.argv[2] ? Number(process.argv[2]) : null },
  }),
});
let text = "";
for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
  const lines = (text + part).split("\n");
  text = lines.pop();
  for (const line of lines)
    if (line.startsWith("data: {"))
      console.log(JSON.stringify(JSON.parse(line.slice(6)).data.recognitionChanged)); // keep `next` and `epoch`
}
