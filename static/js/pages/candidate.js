// Review by keyboard: from change to change, to the queue's neighbours, and to a decision.

import * as keys from "../lib/keys.js";
import { LiveSocket } from "../lib/socket.js";

const page = document.querySelector("[data-candidate-page]");

function blocks() {
  const rows = [...document.querySelectorAll(".diff tbody tr")];
  const changed = (row) => row && (row.matches(".add, .del") || row.querySelector("td.add, td.del"));
  return rows.filter((row) => changed(row) && !changed(row.previousElementSibling));
}

let at = -1;
function nextChange(step) {
  const found = blocks();
  if (!found.length) return;
  at = (at + step + found.length) % found.length;
  document.querySelector(".diff tr.at")?.classList.remove("at");
  found[at].classList.add("at");
  found[at].scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

// A decision that needs a reason puts the cursor there first; a key never sends an empty one.
function demandReason(button) {
  const reason = document.getElementById("reason");
  reason.required = ["reject", "request_changes"].includes(button.value);
  return reason;
}

function decide(key) {
  const button = document.querySelector(`#decide [data-key="${key}"]`);
  if (!button) return;
  const reason = demandReason(button);
  if (reason.checkValidity()) button.form.requestSubmit(button);
  else reason.focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("#decide button[value]");
  if (button) demandReason(button);
});

keys.bind("n", () => nextChange(1));
keys.bind("p", () => nextChange(-1));
for (const key of ["a", "r", "c"]) keys.bind(key, () => decide(key));
document.addEventListener("htmx:afterSettle", () => (at = -1));

// What somebody is reading is never swapped under their eyes: they are told, and choose when.
function movedOn(events) {
  const id = Number(page.dataset.candidatePage);
  if (events.some((event) => event.id === id)) document.getElementById("moved-on").hidden = false;
}
new LiveSocket("/ws/runs/", () => 0, { events: movedOn, resync: () => {}, connection: () => {} });
