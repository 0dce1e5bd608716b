// The texts of the scripts in the language of the page: those that it brings with it, else English.

/** The text in the reader's language, with `%(name)s` replaced by the value of that name. */
export function say(text, values = {}) {
  const texts = JSON.parse(document.querySelector('meta[name="texts"]')?.content ?? "{}");
  return (texts[text] ?? text).replace(/%\((\w+)\)s/g, (whole, name) => values[name] ?? whole);
}
