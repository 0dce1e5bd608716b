// The page works without this. A year that is moved is shown at once.
const form = document.getElementById("network-form");
const slider = document.getElementById("year");
let asked = 0, waiting;

async function show() {
  const number = ++asked;
  const fields = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  const answer = await fetch(`${form.action}?${fields}`);
  if (!answer.ok || number !== asked) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (number !== asked) return;
  document.getElementById("network").replaceWith(page.getElementById("network"));
  history.replaceState(null, "", answer.url);
}

slider.addEventListener("input", () => {
  document.getElementById("year-shown").textContent = slider.value;
  clearTimeout(waiting);
  waiting = setTimeout(show, 150);
});
