// Parts of a page, made again from the page as the server has it now; whatever else is on the page stays.

export async function ask() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// Times go on by themselves and are no reason to swap.
const said = (node) => node.outerHTML.replace(/(<time[^>]*>)[^<]*/g, "$1");

export function swap(id, fresh) {
  const [now, next] = [document.getElementById(id), fresh.getElementById(id)];
  if (now && next && said(now) !== said(next)) now.replaceWith(next);
}

export const AROUND = ["banners", "rail-halt"];

export async function renew(...ids) {
  const fresh = await ask();
  for (const id of ids) swap(id, fresh);
}
