// Single keys: one list for each page, silent while somebody types, with an off switch.

const STORED = "countersign.keys";
const bindings = new Map();
let waiting = "";

export function enabled() {
  return document.body.dataset.keys === "on";
}

export function bind(key, action) {
  bindings.set(key, action);
}

function typing(target) {
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

function press(event) {
  if (!enabled() || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (typing(event.target) || (document.querySelector("dialog[open]") && event.key !== "?")) return;
  const key = waiting ? `${waiting} ${event.key}` : event.key;
  waiting = "";
  if (!bindings.has(key)) {
    if ([...bindings.keys()].some((known) => known.startsWith(`${key} `))) waiting = key;
    else follow(event, key);
    return;
  }
  event.preventDefault();
  bindings.get(key)(event);
}

// Anything on the page that names a key is followed or focused by it.
function follow(event, key) {
  const found = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
  if (!found) return;
  event.preventDefault();
  found.click();
}

export function start() {
  const allowed = document.body.dataset.keys === "on";
  const choose = (on) => (document.body.dataset.keys = allowed && on ? "on" : "off");
  choose(localStorage.getItem(STORED) !== "off");
  for (const box of document.querySelectorAll("[data-keys-switch]")) {
    box.checked = enabled();
    box.disabled = !allowed;
    box.addEventListener("change", () => {
      localStorage.setItem(STORED, box.checked ? "on" : "off");
      choose(box.checked);
    });
  }
  bind("?", () => document.getElementById("keys-dialog")?.showModal());
  bind("g h", () => location.assign("/"));
  bind("g r", () => location.assign("/runs/"));
  bind("g q", () => location.assign("/review/"));
  document.addEventListener("keydown", press);
}
