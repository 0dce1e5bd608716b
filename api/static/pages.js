// The pages work without this. It copies, keeps what was typed where the line is cut, sorts tables, and
// makes tables readable on a telephone.
import { say } from "/static/texts.js";

for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = say("Copied");
    setTimeout(() => { button.textContent = say("Copy"); }, 2000);
  });
}

// ------------------------------------------------------------------ forms

// A form is sent only when the register can be reached: else the browser would show a page of its own
// in place of what was typed. A second click while that is asked sends nothing.
const LONGEST = 8000; // milliseconds that the register may take to say that it is there

async function reached() {
  try {
    await fetch("/healthz", { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(LONGEST) });
    return true;
  } catch {
    return false;
  }
}

function notSent(form) {
  const notice = form.querySelector("[data-line]") ?? document.createElement("div");
  notice.dataset.line = "";
  notice.className = "notice bad";
  notice.setAttribute("role", "alert");
  notice.textContent = say("The register cannot be reached: nothing was sent. What you typed is still here. Send it again when the line is back.");
  form.append(notice);
  notice.scrollIntoView({ block: "nearest" });
}

for (const form of document.querySelectorAll("main form[method=post]")) {
  let state = "";
  form.addEventListener("submit", async (event) => {
    if (state === "good") return;
    event.preventDefault();
    if (state) return;
    state = "asking";
    const good = await reached();
    state = good ? "good" : "";
    if (!good) return notSent(form);
    form.querySelector("[data-line]")?.remove();
    form.requestSubmit(event.submitter);
    state = "";
  });
}

// ------------------------------------------------------------------ tables

/** Each cell is given its column's name, which the style shows where rows are stacked as cards. */
function label(table) {
  const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const role = (elements, name) => { for (const element of elements) element.setAttribute("role", name); };
  role([table], "table");
  role(table.querySelectorAll("thead, tbody"), "rowgroup");
  role(table.rows, "row");
  role(table.tHead.rows[0].cells, "columnheader");
  for (const row of table.tBodies[0].rows) {
    if (row.cells.length !== names.length) continue;
    [...row.cells].forEach((cell, column) => {
      cell.setAttribute("role", cell.tagName === "TH" ? "rowheader" : "cell");
      if (cell.tagName === "TD") cell.dataset.label ??= names[column];
    });
  }
}

/** By the cell's `data-value`, else by its text; numbers by their value. */
const compared = new Intl.Collator(document.documentElement.lang, { numeric: true });
const value = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim().replaceAll("\u202f", "");

function sortable(table) {
  const rows = [...table.tBodies[0].rows], heads = [...table.tHead.rows[0].cells];
  if (rows.length < 3 || rows.some((row) => row.cells.length !== heads.length)) return;
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...head.childNodes);
    button.title = say("Sort by this column");
    head.append(button);
    button.addEventListener("click", () => {
      const falling = head.ariaSort === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const order = [...rows].sort((a, b) => compared.compare(value(a, column), value(b, column)));
      table.tBodies[0].append(...(falling ? order.reverse() : order));
    });
  });
}

for (const table of document.querySelectorAll(".scroll > table")) {
  if (!table.tHead || table.tBodies.length !== 1) continue;
  label(table);
  table.parentElement.classList.add("stack");
  if ("sorts" in table.dataset) sortable(table);
}

// The chosen tab or entry of a menu that does not fit is scrolled into sight, and a year is followed as it is moved.
for (const chosen of document.querySelectorAll(".menu [aria-current], .tab-links [aria-current]")) {
  const list = chosen.closest("ul");
  list.scrollLeft += chosen.getBoundingClientRect().left - list.getBoundingClientRect().left - 24;
}
