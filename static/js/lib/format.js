// How times are written, the same way as webapp/presenters/words.py writes them.

const UNITS = [[86400, "day"], [3600, "h"], [60, "min"]];

export function ago(then, now = new Date()) {
  const total = Math.max(0, Math.floor((now - then) / 1000));
  for (const [size, unit] of UNITS) {
    if (total >= size) {
      const count = Math.floor(total / size);
      return `${count} ${unit}${unit === "day" && count > 1 ? "s" : ""} ago`;
    }
  }
  return total ? `${total} s ago` : "just now";
}

export function refreshTimes(root = document) {
  for (const time of root.querySelectorAll("time[data-ago]")) {
    const text = ago(new Date(time.dateTime));
    if (time.textContent !== text) time.textContent = text;
  }
}

// Elements are made, never parsed from text: what a candidate says can not become markup.
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function icon(name, sprite) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}
