// The explorer's figure in the page. `figure` is drawn once; `state` and `cells` then say what its traces show,
// and only what differs from before is changed. Plotly stands above this text in the same module.

const POINTING = 80; // milliseconds between two reports of where the pointer is

const NARROWEST = "900px"; // below that texts run into each other; a narrower page scrolls

function render({ model, el }) {
  const plot = document.createElement("div");
  const status = document.createElement("div");
  plot.setAttribute("role", "img");
  status.setAttribute("role", "status");
  Object.assign(plot.style, { minWidth: NARROWEST });
  Object.assign(el.style, { overflowX: "auto" });
  Object.assign(status.style, { position: "absolute", height: "1px", overflow: "hidden", clipPath: "inset(50%)" });
  el.append(plot, status);

  let shown = new Map();
  let drawing = null;
  let queued = false;
  let width = 0;

  const say = () => {
    plot.setAttribute("aria-label", model.get("alt"));
    status.textContent = model.get("alt");
  };

  const update = async () => {
    queued = false;
    await drawing;
    const { traces, layout } = changes(model, shown, plot.data.length);
    if (Object.keys(traces).length || Object.keys(layout).length) {
      await Plotly.update(plot, traces, layout);
    }
  };
  const queue = () => {
    if (!queued && drawing) {
      queued = true;
      queueMicrotask(update);
    }
  };

  const draw = () => {
    const { data, layout, config } = structuredClone(model.get("figure"));
    drawing = Plotly.newPlot(plot, data, layout, config).then(() => {
      plot.on("plotly_click", (event) => report(model, "click", event));
      plot.on("plotly_hover", paced((event) => report(model, "hover", event)));
    });
    nameSliders(model, el);
    queue();
  };
  // plotly measures the space it is given, so it draws when there is some and again when that changes
  const sized = new ResizeObserver(() => {
    if (el.clientWidth && el.clientWidth !== width) {
      width = el.clientWidth;
      drawing ? drawing.then(() => Plotly.Plots.resize(plot)) : draw();
    }
  });

  say();
  sized.observe(el);
  model.on("change:alt", say);
  model.on("change:state", queue);
  model.on("change:cells", queue);
  return () => {
    sized.disconnect();
    model.off("change:alt", say);
    model.off("change:state", queue);
    model.off("change:cells", queue);
    Plotly.purge(plot);
  };
}

// What of the model is not shown yet: {path: value for each trace} and {path: value} of the layout.
function changes(model, shown, count) {
  const traces = {};
  const layout = {};
  const put = (trace, path, value) => {
    if (trace === null) {
      layout[path] = value;
    } else {
      traces[path] ??= new Array(count).fill(undefined);
      traces[path][trace] = value;
    }
  };
  for (const [trace, path, value] of model.get("state")) {
    const key = `${trace} ${path}`;
    const text = JSON.stringify(value);
    if (shown.get(key) !== text) {
      shown.set(key, text);
      put(trace, path, value);
    }
  }
  const cells = model.get("cells");
  if (shown.get("cells") !== cells) {
    shown.set("cells", cells);
    const { trace, columns } = model.get("picture");
    const bytes = new Uint8Array(cells.buffer, cells.byteOffset, cells.byteLength);
    const rows = Array.from({ length: bytes.length / columns }, (_, row) =>
      bytes.subarray(row * columns, (row + 1) * columns),
    );
    put(trace, "z", rows);
  }
  return { traces, layout };
}

function report(model, kind, event) {
  const { curveNumber, pointNumber } = event.points[0];
  model.send({ kind, trace: curveNumber, point: [pointNumber].flat() });
}

// Calls at most once in a while, and always with the last event.
function paced(call) {
  let last = null;
  let waiting = false;
  return (event) => {
    last = event;
    if (!waiting) {
      waiting = true;
      setTimeout(() => {
        waiting = false;
        call(last);
      }, POINTING);
    }
  };
}

// Sliders of ipywidgets have no name that a screen reader could say.
function nameSliders(model, el) {
  const handles = el.closest(".widget-vbox")?.querySelectorAll("[role=slider]") ?? [];
  for (const [index, handle] of handles.entries()) {
    handle.setAttribute("aria-label", model.get("sliders")[index] ?? "");
  }
}

export default { render };
