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

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export const axis = () => ({ gridcolor: colour("--line"), linecolor: colour("--line"), zeroline: false, automargin: true });

export const titled = (text) => (text ? { text, standoff: 8, font: { size: 11.5 } } : undefined);

export function layout(narrow, xaxis, yaxis) {
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
    xaxis: { ...axis(), ...xaxis },
    yaxis: { ...axis(), ...yaxis },
  };
}

// What is drawn in a box again and again: `traces(series)` and `layout(series, narrow)` say how.
export class Drawing {
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
    const narrow = this.box.clientWidth < 560 && matchMedia("(max-width: 760px)").matches;
    try {
      await globalThis.Plotly.react(this.box, this.traces(this.series), this.layout(this.series, narrow), { ...CONFIG, displayModeBar: narrow ? false : "hover" });
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
