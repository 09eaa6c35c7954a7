// A run, live: a snapshot first, then events as they come; the database is asked again after every gap.

import { Chart } from "../lib/chart.js";
import { ago, element, icon } from "../lib/format.js";
import { renew, renewAround } from "../lib/parts.js";
import { LiveSocket, insist, paced } from "../lib/socket.js";
import { renewing, showPanels } from "./panels.js";

const page = document.querySelector("[data-run]");
const feed = document.getElementById("feed");
const announce = document.getElementById("announce");
const chart = new Chart(document.getElementById("chart"));
const LONGEST_FEED = 120;

let cursor = 0;
let series = null;
let known = new Set();

const candidate = (id) => page.dataset.candidate.replace("/0/", `/${id}/`);

function addPoint(id, x, y) {
  if (x == null || y == null || known.has(id)) return;
  known.add(id);
  series.points.x.push(x);
  series.points.y.push(y);
  series.points.ids.push(id);
}

function feedLine(event) {
  const line = element("li", { class: `${event.tone} new`, "data-number": event.number });
  const words = element("span");
  for (const part of event.text.split(/\b([CR]-\d+)\b/)) {
    const [, kind, id] = /^([CR])-(\d+)$/.exec(part) ?? [];
    words.append(id ? element("a", { href: kind === "C" ? candidate(id) : `/runs/${id}/` }, part) : part);
  }
  const time = element("time", { datetime: event.at, "data-ago": "" }, ago(new Date(event.at)));
  line.append(icon(event.icon, page.dataset.icons), words, time);
  return line;
}

function addToFeed(events) {
  const newest = Number(feed.querySelector("li[data-number]")?.dataset.number ?? 0);
  const lines = events.filter((event) => event.text && event.number > newest).map(feedLine);
  if (!lines.length) return;
  feed.querySelector("li:not([data-number])")?.remove();
  const following = feed.scrollTop < 8;
  feed.prepend(...lines.reverse());
  if (following) feed.scrollTop = 0;
  while (feed.children.length > LONGEST_FEED) feed.lastElementChild.remove();
  const important = events.findLast((event) => event.text && event.tone);
  if (important) announce.textContent = important.text;
}

function showFigures(figures) {
  for (const figure of figures) {
    const box = page.querySelector(`[data-figure="${figure.key}"]`);
    for (const part of ["value", "of", "change", "detail"]) {
      const place = box?.querySelector(`[data-part="${part}"]`);
      if (place && place.textContent !== figure[part]) place.textContent = figure[part];
    }
    const bar = box?.querySelector("progress");
    if (bar && figure.done != null) bar.value = figure.done;
    const change = box?.querySelector('[data-part="change"]');
    if (change) change.className = figure.tone;
  }
}

function showState(chip, wait, halted) {
  const place = page.querySelector("[data-state]");
  const now = place.querySelector(".chip");
  page.querySelector("[data-wait]").textContent = wait;
  if (now.textContent.trim() === chip.text && page.dataset.halted === String(halted)) return;
  page.dataset.halted = halted;
  const glyph = chip.icon ? icon(chip.icon, page.dataset.icons) : element("span", { class: "dot", "aria-hidden": "true" });
  place.replaceChildren(element("span", { class: `chip ${chip.tone}` }, glyph, chip.text));
  renewSteering();
}

// What waits for people is said beside the page, too.
const followAround = paced(renewAround, 2000);
const isDecision = ({ kind }) => /^(candidate\.(in_review|stale|superseded|withdrawn|expired|quarantined|rejected|changes_requested|nominated)|vote|release)/.test(kind);

// What was spent changes with every answer; the form beside it stays as it is.
const renewBudget = paced(() => renew("budget-low", "budget"), 3000);

const renewSteering = paced(() => renew("steering"), 500);

async function refresh() {
  const answer = await fetch(`${page.dataset.live}?after=${cursor}`, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const data = await answer.json();
  if (data.reset || !series) {
    known = new Set(data.points.ids);
    series = { points: data.points };
  } else {
    data.points.ids.forEach((id, index) => addPoint(id, data.points.x[index], data.points.y[index]));
  }
  Object.assign(series, { best: data.best, champion: data.champion, ...data.marks });
  chart.show(series);
  addToFeed(data.feed);
  showFigures(data.figures);
  page.querySelector("[data-commit]").textContent = data.commit;
  showState(data.chip, data.wait_reason, data.halted);
  cursor = Math.max(cursor, data.cursor);
}

const refreshSoon = paced(refresh, 1000);
const refreshTable = paced(async () => {
  const table = document.getElementById("candidates");
  const busy = !table || table.contains(document.activeElement) || document.hidden;
  if (!busy) await globalThis.htmx?.ajax("GET", table.dataset.refresh, { target: "#candidates", swap: "outerHTML" });
}, 3000);

function onEvents(events) {
  const fresh = events.filter((event) => event.number > cursor);
  if (!fresh.length || !series) return;
  cursor = fresh.at(-1).number;
  for (const event of fresh) if (event.kind === "candidate.measured") addPoint(event.id, event.x, event.y);
  addToFeed(fresh);
  chart.draw();
  refreshSoon();
  refreshTable();
  refreshPanels();
  if (document.getElementById("budget") || fresh.some(({ kind }) => kind === "budget" || kind === "limits")) renewBudget();
  if (fresh.some(isDecision)) followAround();
}

const open = (id) => location.assign(candidate(id));
const refreshPanels = renewing(open);

await insist(refresh, () => (page.dataset.connection = "lost"));
chart.onPick(open);
showPanels(open);
new LiveSocket(`/ws/runs/${page.dataset.run}/`, () => cursor, {
  events: onEvents,
  resync: refreshSoon,
  connection: (state) => {
    page.dataset.connection = state;
    if (state === "live") refreshSoon();
  },
});
