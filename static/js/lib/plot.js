// A small chart from the server's neutral words: layers of dots, lines, bands and strands in the tones of the page.

import { Drawing, colour, layout, titled } from "./drawing.js";

const TONES = { mark: "--mark", faint: "--mark", ink: "--ink", seal: "--seal", amber: "--amber", wax: "--wax" };
const NOTHING = { hoverinfo: "skip" };

const KINDS = {
  dots: ({ tone, ids }, paint) => ({
    mode: "markers",
    customdata: ids,
    marker: { color: paint, size: tone === "faint" ? 4 : tone === "seal" ? 11 : 7, opacity: tone === "faint" ? 0.42 : 1 },
    hovertemplate: ids.some(Boolean) ? "C-%{customdata}<br>%{x}<br>%{y}<extra></extra>" : "%{x}<br>%{y}<extra></extra>",
  }),
  line: ({ tone, name }, paint) => ({
    mode: "lines",
    line: { color: paint, width: 2, dash: tone === "wax" ? "dash" : "solid" },
    hovertemplate: `${name} %{y}<extra></extra>`,
  }),
  band: (_, paint) => ({ mode: "lines", fill: "toself", fillcolor: paint, line: { width: 0 }, opacity: 0.22, ...NOTHING }),
  strands: ({ tone, ids }, paint) => ({
    mode: "lines",
    connectgaps: false,
    customdata: ids,
    line: { color: paint, width: tone === "seal" ? 3 : 1 },
    opacity: tone === "faint" ? 0.22 : tone === "ink" ? 0.6 : 1,
    hovertemplate: "C-%{customdata}<extra></extra>",
  }),
};

const trace = (layer) => ({ type: "scatter", showlegend: false, name: layer.name, x: layer.x, y: layer.y, ...KINDS[layer.kind](layer, colour(TONES[layer.tone])) });

const ticked = ({ label, ticks }, narrow) => ({
  title: narrow ? undefined : titled(label),
  ...(ticks.length ? { tickvals: ticks.map(({ at }) => at), ticktext: ticks.map((tick) => tick.label) } : {}),
});

export class Plot extends Drawing {
  traces({ layers }) {
    return layers.map(trace);
  }

  layout({ x, y }, narrow) {
    return layout(narrow, ticked(x, narrow), ticked(y, narrow));
  }
}
