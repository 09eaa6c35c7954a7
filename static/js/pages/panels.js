// What stands below a run's chart: drawn at first from the page, then from the part that the server makes again.

import { swap } from "../lib/parts.js";
import { Plot } from "../lib/plot.js";
import { paced } from "../lib/socket.js";

const GAP = 4000; // milliseconds between two looks
const plots = new Map();

const panels = () => document.getElementById("panels");
const names = (root) => [...root.querySelectorAll(".panel")].map(({ id }) => id).join(" ");

export function showPanels(open, root = document) {
  for (const box of panels().querySelectorAll("[data-plot]")) {
    if (plots.get(box.id)?.box !== box) plots.set(box.id, new Plot(box));
    const plot = plots.get(box.id);
    plot.onPick(open);
    plot.show(JSON.parse(root.getElementById(box.dataset.plot).textContent));
  }
}

async function renew(open) {
  if (document.hidden) return;
  const answer = await fetch(panels().dataset.panels, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (names(fresh) !== names(document)) {
    panels().replaceWith(fresh.getElementById("panels"));
    return showPanels(open);
  }
  for (const part of panels().querySelectorAll("[id^=table-]")) swap(part.id, fresh);
  showPanels(open, fresh);
}

export const renewing = (open) => paced(() => renew(open), GAP);
