// Review by keyboard: from change to change, to the queue's neighbours, and to a decision.

import * as keys from "../lib/keys.js";
import { ask, isBusy as isAtWork, swap, swapAround } from "../lib/parts.js";
import { LiveSocket, paced } from "../lib/socket.js";

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
  reason.setCustomValidity("");
  reason.required = ["reject", "request_changes"].includes(button.value);
  return reason;
}

let meant = null; // the decision that waits for its reason

function decide(key) {
  const button = document.querySelector(`#decide [data-key="${key}"]`);
  if (!button) return;
  meant = button;
  const reason = demandReason(button);
  if (reason.reportValidity()) button.form.requestSubmit(button);
}

// Said when a reason is missing, in the words of this page instead of the browser's.
document.addEventListener("invalid", (event) => event.target.id === "reason" && event.target.setCustomValidity("Say why: the audit trail keeps the reason, and the loop learns from it."), true);
document.addEventListener("input", (event) => event.target.id === "reason" && event.target.setCustomValidity(""));

// In the reason's field, Ctrl Enter sends what was meant and Escape leaves.
document.addEventListener("keydown", (event) => {
  if (event.target.id !== "reason") return;
  if (event.key === "Escape") event.target.blur();
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !meant?.isConnected) return;
  event.preventDefault();
  if (event.target.reportValidity()) meant.form.requestSubmit(meant);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("#decide button[value]");
  if (button) demandReason(button);
});

keys.bind("n", () => nextChange(1));
keys.bind("p", () => nextChange(-1));
keys.bind("m", () => (document.querySelector(".diff tr.at .say") ?? blocks()[0]?.querySelector(".say"))?.click());
for (const key of ["a", "r", "c"]) keys.bind(key, (event) => event.repeat || decide(key));
document.addEventListener("htmx:afterSettle", () => (at = -1));

// What the page says of the case follows by itself. What somebody reads or types is never swapped under their eyes:
// they are told, and choose when.
let leaving = false;

function signed(form) {
  return form && [...form.querySelectorAll("input[type=hidden]:not([name=csrfmiddlewaretoken])")].map((one) => one.value).join(" ");
}

function isBusy(form) {
  return form && (form.reason.value.trim() || form.contains(document.activeElement));
}

function show(fresh) {
  const next = fresh.querySelector("[data-candidate-page]");
  const [form, nextForm] = [document, fresh].map((one) => one.getElementById("decide"));
  page.dataset.moving = next.dataset.moving;
  swapAround(fresh);
  swap("standing", fresh);
  followSuspicion(fresh);
  followTalk(fresh);
  if (next.dataset.shown !== page.dataset.shown) tell();
  else if (form && signed(form) === signed(nextForm)) swap("record", fresh);
  else if (isBusy(form)) tell();
  else decided(fresh);
}

function followSuspicion(fresh) {
  const forms = [document, fresh].map((one) => one.querySelector("#suspicion form"));
  if (isBusy(forms[0]) && !forms[1]) tell();
  else swap("suspicion", fresh);
}

// What others say of lines is shown beside them, unless somebody is writing there.
function followTalk(fresh) {
  const [said, saidNow] = [document, fresh].map((one) => [...one.querySelectorAll("#changes [data-said]")].map((thread) => thread.dataset.said).join());
  if (said !== saidNow && !isAtWork(document.getElementById("reading"))) swap("changes", fresh);
}

function tell() {
  document.getElementById("moved-on").hidden = false;
}

function decided(fresh) {
  swap("decision", fresh);
  if (!document.getElementById("decide")) document.querySelector(".kbar")?.remove();
  document.getElementById("announce").textContent = document.querySelector("[data-outcome]")?.textContent ?? "";
}

const refresh = paced(async () => {
  if (leaving || document.hidden) return;
  const fresh = await ask();
  if (!leaving && fresh.querySelector("[data-candidate-page]")) show(fresh);
}, 500);

// One's own decision loads the page anew, which says all of it.
document.addEventListener("submit", (event) => (leaving ||= event.target.matches("#decide, #suspicion form, #changes form")));
addEventListener("pageshow", (event) => {
  leaving = false;
  if (event.persisted) refresh();
});
document.addEventListener("visibilitychange", () => document.hidden || refresh());
setInterval(() => page.dataset.moving === "yes" && refresh(), 2000);

const concernsThis = ({ id, kind }) => id === Number(page.dataset.candidatePage) || kind.startsWith("halt");

new LiveSocket("/ws/runs/", () => 0, {
  events: (events) => events.some(concernsThis) && refresh(),
  resync: refresh,
  connection: (state) => state === "live" && refresh(),
});
