// Parts of a page, made again from the page as the server has it now; whatever else is on the page stays.

const AROUND = ["banners", "rail-halt", "rail-count"];

export async function ask(address = location.href) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// Times go on by themselves, every answer has another token, and people open and scripts show what was closed or
// hidden: none of that is a reason to swap.
const said = (node) =>
  node.outerHTML
    .replace(/(<time[^>]*>)[^<]*/g, "$1")
    .replace(/(name="csrfmiddlewaretoken" value=")[^"]*/g, "$1")
    .replace(/ (open|hidden)=""/g, "");

const same = (one, other) =>
  one.id === other.id && one.getAttribute("href") === other.getAttribute("href") && one.textContent === other.textContent;

export function swap(id, fresh) {
  const [now, next] = [document.getElementById(id), fresh.getElementById(id)];
  if (!now || !next || said(now) === said(next)) return;
  const focused = now.contains(document.activeElement) ? document.activeElement : null;
  const opened = new Set([...now.querySelectorAll("details[open] > summary")].map((one) => one.textContent));
  for (const one of next.querySelectorAll("details > summary")) one.parentElement.open ||= opened.has(one.textContent);
  now.replaceWith(next);
  document.dispatchEvent(new CustomEvent("swapped", { detail: next }));
  if (focused) [...next.querySelectorAll(focused.tagName)].find((one) => same(one, focused))?.focus({ preventScroll: true });
}

// Whether somebody is at work in a part: it has the focus, or holds what was typed and not sent.
export function isBusy(part) {
  const fields = [...part.querySelectorAll("input:not([type=hidden]), textarea")];
  return part.contains(document.activeElement) || fields.some((one) => one.value !== one.defaultValue);
}

// What surrounds every page; that a stop was ordered or lifted meanwhile is also said to whoever listens.
export function swapAround(fresh) {
  const stop = () => document.querySelector("#banners .halt strong")?.textContent ?? "";
  const before = stop();
  for (const id of AROUND) swap(id, fresh);
  if (stop() !== before) document.getElementById("around-said").textContent = stop() || "The stop is lifted.";
}

export async function renewAround() {
  const here = encodeURIComponent(location.pathname + location.search);
  swapAround(await ask(`${document.body.dataset.around}?next=${here}`));
}

export async function renew(...ids) {
  const fresh = await ask();
  swapAround(fresh);
  for (const id of ids) swap(id, fresh);
}
