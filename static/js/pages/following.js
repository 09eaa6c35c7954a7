// Home, the queue and a target: the page's own part is fetched again when something happened anywhere.

import * as keys from "../lib/keys.js";
import { renew } from "../lib/parts.js";
import { LiveSocket, paced } from "../lib/socket.js";

const followed = () => document.querySelector("[data-follows]");

const refresh = paced(async () => {
  if (document.hidden) return;
  const part = followed();
  const busy = part.contains(document.activeElement);
  await renew(...(busy ? [] : [part.id]));
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
setInterval(() => followed().dataset.moving === "yes" && refresh(), 1000);
new LiveSocket("/ws/runs/", () => 0, { events: refresh, resync: refresh, connection: () => {} });
