// Small helpers, plotly loaded once for a whole page, and the model of a page that has no kernel.

function make(tag, properties = {}, ...children) {
  const { dataset, style, role, ...plain } = properties;
  const element = Object.assign(document.createElement(tag), plain);
  if (role) element.setAttribute("role", role);
  Object.assign(element.dataset, dataset ?? {});
  Object.assign(element.style, style ?? {});
  element.append(...children);
  return element;
}

const inflated = (bytes) => new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));

// Plotly as its own page would load it, whatever loaders this page has; one copy for all explorers.
// Every explorer that finds it missing asks: the kernel that was asked first may be gone.
function loadPlotly(model) {
  if (!globalThis.lthkitPlotly) {
    let settle;
    globalThis.lthkitPlotly = new Promise((resolve) => (settle = resolve));
    globalThis.lthkitPlotly.settle = settle;
  }
  const wanted = globalThis.lthkitPlotly;
  const take = (said, buffers) => {
    if (said.kind !== "plotly") return;
    model.off("msg:custom", take);
    wanted.settle?.(importPlotly(buffers[0]));
    delete wanted.settle;
  };
  if (wanted.settle) {
    model.on("msg:custom", take);
    model.send({ kind: "plotly" });
  }
  return wanted;
}

async function importPlotly(gzipped) {
  const text = await new Response(inflated(gzipped)).text();
  const before = "const module = { exports: {} }, exports = module.exports, define = undefined;\n";
  const parts = [before, text, "\nexport default module.exports;"];
  const address = URL.createObjectURL(new Blob(parts, { type: "text/javascript" }));
  const loaded = await import(address);
  URL.revokeObjectURL(address);
  return loaded.default;
}

// The model of a recorded page: it answers what a kernel would, as far as it was recorded.
function replay(recorded, cells) {
  const listeners = new Map();
  const on = (event, call) => listeners.set(event, [...(listeners.get(event) ?? []), call]);
  const off = (event, call) => listeners.set(event, (listeners.get(event) ?? []).filter((one) => one !== call));
  const tell = (event, ...said) => (listeners.get(event) ?? []).forEach((call) => call(...said));
  const shown = { figure: recorded.figure, options: recorded.options, values: recorded.values, tick: 0, recorded: true };
  const show = () => {
    const frames = recorded.frames[shown.values.view];
    const one = frames[shown.values.round];
    const state = new Map(frames[0].state.map((entry) => [`${entry[0]} ${entry[1]}`, entry]));
    one.state.forEach((entry) => state.set(`${entry[0]} ${entry[1]}`, entry));
    const bytes = cells.subarray(one.cells[0], one.cells[0] + one.cells[1]);
    Object.assign(shown, { lists: frames[0].lists, tick: shown.tick + 1 });
    shown.frame = { state: [...state.values()], maps: one.maps, alt: one.alt };
    shown.cells = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    tell("change:frame");
    tell("change:tick");
  };
  const send = (said) => {
    if (said.kind === "choose") {
      shown.values = { ...shown.values, ...said.changes };
      return show();
    }
  };
  show();
  return { get: (name) => shown[name], on, off, send };
}
