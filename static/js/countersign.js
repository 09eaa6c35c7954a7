// What every page needs: times that stay fresh, dialogs, copy buttons, selects that submit, and keys.

import { refreshTimes } from "./lib/format.js";
import * as keys from "./lib/keys.js";
import { renewAround } from "./lib/parts.js";
import { paced } from "./lib/socket.js";

function openDialogs(event) {
  const opener = event.target.closest("[data-opens]");
  const dialog = opener && document.getElementById(opener.dataset.opens);
  if (!dialog?.showModal) return;
  event.preventDefault();
  dialog.showModal();
  dialog.querySelector("textarea, input:not([type=hidden])")?.focus();
}

function closeDialogs(event) {
  if (event.target.closest("[data-closes]")) event.target.closest("dialog")?.close();
  else if (event.target.matches("dialog[open]")) event.target.close(); // a click on the veil
}

async function copy(event) {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copies);
  await navigator.clipboard.writeText(source.value ?? source.textContent);
  const word = button.querySelector("span");
  word.textContent = "Copied";
  setTimeout(() => (word.textContent = "Copy"), 2000);
}

function dress(root) {
  for (const button of root.querySelectorAll("[data-copies]")) button.hidden = !navigator.clipboard;
  for (const button of root.querySelectorAll("[data-hidden-by-script]")) button.hidden = true;
  refreshTimes(root);
}

function submitOnce(event) {
  const { target: form, submitter: button } = event;
  if (event.defaultPrevented) return;
  // After the form's data is read, so that the button's own value still goes along.
  if (button) setTimeout(() => (button.disabled = true));
  // After a download this page is still here, and another one may follow at once.
  if ("downloads" in form.dataset) return setTimeout(() => release(form), 1500);
  if ("sent" in form.dataset) return event.preventDefault();
  form.dataset.sent = "";
}

function release(form) {
  delete form.dataset.sent;
  for (const button of form.querySelectorAll("button:disabled")) button.disabled = false;
}

document.addEventListener("click", openDialogs);
document.addEventListener("click", closeDialogs);
document.addEventListener("click", copy);
document.addEventListener("change", (event) => event.target.matches("[data-submits]") && event.target.form.requestSubmit());
document.addEventListener("submit", submitOnce);
document.addEventListener("htmx:afterSettle", (event) => dress(event.target));
document.addEventListener("swapped", (event) => dress(event.detail));
addEventListener("pageshow", () => document.querySelectorAll("form").forEach(release));

// Under a stop every page follows who has acknowledged it, and when it is lifted.
const follow = paced(renewAround, 500);

dress(document);
keys.start();
setInterval(() => document.hidden || (document.querySelector("#banners .halt") && follow()), 2000);
setInterval(() => document.hidden || refreshTimes(), 1000);
