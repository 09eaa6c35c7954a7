// Home, the queue and a target: the parts that the page names are fetched again when something happened anywhere.

import * as keys from "../lib/keys.js";
import { isBusy, renew } from "../lib/parts.js";
import { LiveSocket, paced } from "../lib/socket.js";

const parts = document.querySelector("[data-follows]").dataset.follows.split(" ");
const isMoving = () => document.querySelector("[data-moving]")?.dataset.moving === "yes";

const refresh = paced(async () => {
  if (document.hidden) return;
  const before = isMoving();
  await renew(...parts.filter((id) => !isBusy(document.getElementById(id))));
  if (before && !isMoving()) document.getElementById("around-said").textContent = "The champion has moved.";
}, 2000);

let at = -1;
function move(step) {
  const items = [...document.querySelectorAll("[data-item]")];
  if (!items.length) return;
  at = Math.min(Math.max(at + step, 0), items.length - 1);
  items[at].querySelector("a").focus();
}

keys.bind("j", () => move(1));
keys.bind("k", () => move(-1));
document.addEventListener("visibilitychange", () => document.hidden || refresh());
// While something is under way of which no run would tell, the page asks by itself.
setInterval(() => isMoving() && refresh(), 1000);
new LiveSocket("/ws/runs/", () => 0, { events: refresh, resync: refresh, connection: () => {} });
