// The figure: drawn once by plotly, then only what differs from before is changed.

const NARROWEST = 720; // pixels; in a narrower cell the figure is scrolled

async function drawFigure(model, plotly, host, shown, header) {
  const Plotly = await plotly;
  const plot = make("div", { className: "lthkit-plot", style: { minWidth: `${NARROWEST}px` } });
  const canvas = make("canvas", { className: "lthkit-cells" });
  plot.setAttribute("role", "img");
  host.append(plot);
  const { data, layout, config } = structuredClone(model.get("figure"));
  const values = new Map();
  let width = Math.max(host.clientWidth, NARROWEST);
  // the first state is drawn with the figure, not after it
  changes(model.get("frame").state, values, data.length, header);
  for (const [key, value] of values) {
    const [trace, path] = key.split(" ");
    if (!painted(trace) && !path.startsWith("title.")) put(trace === "null" ? layout : data[trace], path, structuredClone(value));
  }
  await Plotly.newPlot(plot, data, { ...layout, width }, config);
  plot.prepend(canvas);
  let sent = null;
  let drawing = Promise.resolve();

  // one change after the other; one that fails is told, and does not hold up the next
  const after = (change) => (drawing = drawing.then(change).catch((error) => console.error(error)));
  const repaint = () => paint(canvas, plot, shown);
  const update = async () => {
    const frame = model.get("frame");
    const { traces, layout } = changes(frame.state, values, plot.data.length, header);
    const cells = model.get("cells");
    shown.lists = model.get("lists");
    if (Object.keys(traces).length || Object.keys(layout).length) await Plotly.update(plot, traces, layout);
    // plotly draws a colour bar's title anew only with everything else
    if ("colorbar.title.text" in traces) await Plotly.redraw(plot);
    if (sent !== cells || Object.keys(traces).length) {
      sent = cells;
      shown.images = imagesOf(frame, cells, values);
    }
    shown.bars = barsOf(values);
    repaint();
    plot.setAttribute("aria-label", frame.alt);
    plot.dispatchEvent(new CustomEvent("lthkit-drawn"));
  };
  const resize = () => {
    const wanted = Math.max(host.clientWidth, NARROWEST);
    if (!host.clientWidth || wanted === width) return;
    width = wanted;
    after(() => Plotly.relayout(plot, { width }).then(repaint));
  };
  // back to the whole of what is shown
  const reset = () => {
    const ranges = [...values].filter(([key]) => /^null [xy]axis[2-6]\.range$/.test(key));
    const layout = Object.fromEntries(ranges.map(([key, range]) => [key.slice(5), [...range]]));
    after(() => Plotly.relayout(plot, layout).then(repaint));
  };
  plot.on("plotly_afterplot", repaint);
  plot.on("plotly_relayouting", repaint);
  const next = () => after(update);
  return { plot, next, resize, reset, close: () => Plotly.purge(plot) };
}

// Bars and marks of chance are painted with the maps: plotly would take most of the time of a step for them.
const painted = (trace) => trace !== null && Number(trace) < 2;

// What is not shown yet: {path: value for each trace} and {path: value} of the layout; titles stand beside the figure.
function changes(state, values, count, header) {
  const traces = {};
  const layout = {};
  for (const [trace, path, value] of state) {
    const key = `${trace} ${path}`;
    if (JSON.stringify(values.get(key)) === JSON.stringify(value)) continue;
    values.set(key, value);
    if (painted(trace)) continue;
    if (trace !== null) {
      traces[path] ??= new Array(count).fill(undefined);
      traces[path][trace] = structuredClone(value);
    } else if (path.startsWith("title.")) {
      header(path, value);
    } else {
      layout[path] = structuredClone(value); // plotly writes into what it is given
    }
  }
  return { traces, layout };
}

// Set a property by its path, as plotly writes it: "annotations[2].font.size".
function put(target, path, value) {
  const keys = path.replaceAll("[", ".").replaceAll("]", "").split(".");
  const last = keys.pop();
  let inner = target;
  for (const key of keys) inner = inner[key] ??= {};
  inner[last] = value;
}
