// A run's chart: everything evaluated, the best found, how the champion moved, and what people decided.

import { Drawing, colour, layout, titled } from "./drawing.js";

// Few dots may be large and dark; thousands must be small and let each other through.
const dots = (count) => ({ size: count < 200 ? 6 : 4, opacity: count < 200 ? 0.75 : 0.42 });

function traces(series) {
  const marks = (part, more) => ({ ...part, mode: "markers", hovertemplate: "C-%{customdata} %{y}<extra></extra>", ...more });
  const line = (part, name, more) => ({ ...part, mode: "lines", name, line: { shape: "hv", ...more }, hoverinfo: "skip" });
  const at = ({ x, y, ids }) => ({ x, y, customdata: ids });
  return [
    marks(at(series.points), { name: "evaluated", marker: { color: colour("--mark"), ...dots(series.points.x.length) } }),
    line(series.best, "best found", { width: 1.5, color: colour("--ink"), dash: "dot" }),
    line(series.champion, "approved champion", { width: 2.5, color: colour("--seal") }),
    marks(at(series.signed), { name: "countersigned", marker: { size: 11, color: colour("--seal"), line: { width: 2, color: colour("--sheet") } } }),
    marks(at(series.waiting), { name: "waiting", marker: { size: 11, symbol: "circle-open", color: colour("--amber"), line: { width: 2.5 } } }),
    marks(at(series.taken_back), { name: "withdrawn, rolled back", marker: { size: 11, symbol: "diamond-open", color: colour("--muted"), line: { width: 2.5 } } }),
    marks(at(series.rejected), { name: "rejected", marker: { size: 10, symbol: "x-thin", color: colour("--wax"), line: { width: 2.5, color: colour("--wax") } } }),
  ].map((trace) => ({ type: "scatter", showlegend: false, ...trace }));
}

export class Chart extends Drawing {
  traces(series) {
    return traces(series);
  }

  layout(_, narrow) {
    return layout(narrow, { rangemode: "tozero", title: narrow ? undefined : titled("evaluation") }, {});
  }
}
