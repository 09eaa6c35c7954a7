// The only place that talks to Plotly: its settings, its colours, and how often it draws.

const MOST_OFTEN = 100; // milliseconds between two draws
const CONFIG = {
  displaylogo: false,
  modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
  plotlyServerURL: "",
  responsive: true,
  showSendToCloud: false,
  toImageButtonOptions: { format: "png", scale: 2 },
};

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

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

function layout(narrow) {
  const axis = { gridcolor: colour("--line"), linecolor: colour("--line"), zeroline: false, automargin: true };
  return {
    uirevision: "kept",
    margin: { l: 52, r: 16, t: 10, b: narrow ? 32 : 40 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: colour("--font"), size: 11.5, color: colour("--muted") },
    hoverlabel: { bgcolor: colour("--sheet"), bordercolor: colour("--line-strong"), font: { color: colour("--text") } },
    hovermode: "closest",
    dragmode: narrow ? false : "zoom",
    template: null,
    xaxis: { ...axis, rangemode: "tozero", title: narrow ? undefined : { text: "evaluation", standoff: 8, font: { size: 11.5 } } },
    yaxis: axis,
  };
}

export class Chart {
  constructor(box) {
    this.box = box;
    this.series = null;
    this.last = 0;
    this.drawn = 0;
    document.addEventListener("visibilitychange", () => document.hidden || this.draw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  show(series) {
    this.series = series;
    this.draw();
  }

  // At most ten draws a second, none while nobody can see them.
  draw() {
    if (!this.series || document.hidden || this.pending) return;
    const rest = Math.max(0, this.last + MOST_OFTEN - performance.now());
    this.pending = setTimeout(() => requestAnimationFrame(() => this.now()), rest);
  }

  // However a draw ends, the next one may come: one that went wrong must not freeze the chart.
  async now() {
    const narrow = this.box.clientWidth < 560;
    try {
      await globalThis.Plotly.react(this.box, traces(this.series), layout(narrow), { ...CONFIG, displayModeBar: narrow ? false : "hover" });
      this.box.querySelector("svg.first")?.remove();
      if (!this.drawn) this.box.on("plotly_click", ({ points }) => points[0]?.customdata && this.picked?.(points[0].customdata));
      this.drawn += 1;
      this.box.dataset.drawn = String(this.drawn);
    } catch (error) {
      console.warn("not drawn", error);
    } finally {
      this.last = performance.now();
      this.pending = null;
    }
  }

  onPick(action) {
    this.picked = action;
  }
}
