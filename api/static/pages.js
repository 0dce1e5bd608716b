// The pages work without this. It offers to copy what is there to be copied.
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
