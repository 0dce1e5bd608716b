// What a check in the browser found, as a notice in the place of the verdicts.

/** Shows a notice with this id, in the place of an older one. `sentences`: texts, each with a style or "". */
export function notice(id, kind, sentences) {
  const shown = document.createElement("div");
  shown.className = `notice ${kind}`;
  shown.id = id;
  for (const [text, style] of sentences) {
    const line = document.createElement("p");
    line.textContent = text;
    if (style) line.className = style;
    shown.append(line);
  }
  document.getElementById(id)?.remove();
  document.getElementById("verdicts").prepend(shown);
  shown.scrollIntoView({ block: "nearest" });
}
