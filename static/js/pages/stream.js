// The stream of a target: accuracy over time, with drift and release marks, over the SVG that the server drew.

import { Drawing, colour, layout, titled } from "../lib/drawing.js";

const line = ({ x, y }, name, more) => ({
  type: "scatter",
  mode: "lines",
  name,
  x,
  y,
  connectgaps: false,
  showlegend: false,
  hovertemplate: `${name}: %{y:.1f} %<extra></extra>`,
  line: more,
});

const upright = (x, more) => ({ type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, layer: "below", line: more });

class StreamChart extends Drawing {
  traces({ shadow, champion }) {
    return [
      line(shadow, "shadow", { width: 1.5, dash: "dash", color: colour("--ink") }),
      line(champion, "champion", { width: 2.5, color: colour("--seal") }),
    ];
  }

  layout({ drifts, releases }, narrow) {
    const shapes = [
      ...drifts.map((x) => upright(x, { width: 1.5, dash: "dot", color: colour("--amber") })),
      ...releases.map(({ x }) => upright(x, { width: 1.5, color: colour("--muted") })),
    ];
    return { ...layout(narrow, { title: narrow ? undefined : titled("record") }, { ticksuffix: " %" }), shapes };
  }
}

const chart = new StreamChart(document.getElementById("stream-chart"));

// What the chart shows lies beside its box, and is made again when something happened.
function show() {
  const series = JSON.parse(document.getElementById("stream-series").textContent);
  const known = series.champion.x.length > 0;
  document.getElementById("stream-empty").hidden = known;
  document.getElementById("stream-chart").hidden = !known;
  if (known) chart.show(series);
}

document.addEventListener("swapped", ({ detail }) => detail.id === "stream-series" && show());
show();
