// The editor, asking the address it was loaded from. What is typed stays in this window's memory:
// a token must not be kept where the next user of the machine finds it.
"use strict";
(() => {
  const kept = new Map();
  const storage = {
    get length() { return kept.size; },
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => kept.set(name, value),
    removeItem: (name) => kept.delete(name),
    clear: () => kept.clear(),
  };
  const question = `# Ask, with Ctrl-Enter. A token goes into Headers:
#   {"Authorization": "Bearer ..."}     (./aeo token officer:CN)
{
  controlResult(
    from: "CN", to: "RU", crossing: "Suifenhe-Pogranichny", hs: "0808",
    asOf: {at: "2014-09-01T00:00:00Z"}
  ) {
    outcome
    reasons { code message }
  }
}
`;
  ReactDOM.createRoot(document.getElementById("graphiql")).render(
    React.createElement(GraphiQL, {
      fetcher: GraphiQL.createFetcher({ url: location.pathname }),
      defaultQuery: question,
      defaultEditorToolsVisibility: "headers",
      storage,
    }),
  );
})();
