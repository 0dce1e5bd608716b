// The form works without this. It shows what the words may mean as they are typed, by the combobox
// pattern of the ARIA Authoring Practices: arrows choose, Enter opens, Escape closes.
const field = document.getElementById("q");
const list = document.getElementById("suggestions");
const source = field.closest("[data-suggest]").dataset.suggest;
const prefix = location.pathname.match(/^\/(?:[a-z]{2}(?:-[A-Za-z]+)?)(?=\/|$)/)?.[0] ?? "";
let asked = 0, waiting, chosen = -1;

field.setAttribute("role", "combobox");
field.setAttribute("aria-autocomplete", "list");
field.setAttribute("aria-controls", "suggestions");
field.setAttribute("aria-expanded", "false");

function close() {
  list.hidden = true;
  chosen = -1;
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
}

function choose(index) {
  const options = list.children;
  chosen = (index + options.length) % options.length;
  [...options].forEach((option, at) => option.setAttribute("aria-selected", String(at === chosen)));
  field.setAttribute("aria-activedescendant", options[chosen].id);
  options[chosen].scrollIntoView({ block: "nearest" });
}

/** The address on this site; a suggestion names the host, as OpenSearch has it. */
function here(address) {
  const { pathname, search } = new URL(address);
  return pathname + search;
}

function show([, titles, descriptions, addresses]) {
  list.replaceChildren(...titles.map((title, at) => {
    const option = document.createElement("li"), name = document.createElement("bdi");
    const description = document.createElement("span");
    option.id = `suggestion-${at}`;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    option.dataset.address = here(addresses[at]);
    name.textContent = title;
    description.className = "muted small";
    description.textContent = descriptions[at];
    option.append(name, description);
    return option;
  }));
  list.hidden = titles.length === 0;
  chosen = -1;
  field.removeAttribute("aria-activedescendant");
  field.setAttribute("aria-expanded", String(titles.length > 0));
}

async function suggest() {
  const number = ++asked, words = field.value.trim();
  if (words.length < 2) return close();
  const answer = await fetch(`${prefix}${source}?${new URLSearchParams({ q: words })}`);
  if (!answer.ok || number !== asked) return;
  const found = await answer.json();
  if (number === asked) show(found);
}

field.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(suggest, 120);
});
field.addEventListener("keydown", (event) => {
  if (list.hidden) return;
  if (event.key === "ArrowDown") choose(chosen + 1);
  else if (event.key === "ArrowUp") choose(chosen < 0 ? -1 : chosen - 1);
  else if (event.key === "Escape") close();
  else if (event.key === "Enter" && chosen >= 0) location.assign(list.children[chosen].dataset.address);
  else return;
  event.preventDefault();
});
list.addEventListener("pointerdown", (event) => {
  const option = event.target.closest("[role=option]");
  if (!option) return;
  event.preventDefault();
  location.assign(option.dataset.address);
});
field.addEventListener("blur", close);
