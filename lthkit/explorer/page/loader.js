// What every widget brings along: it loads the explorer's module and plotly's once for all explorers of a page, since a
// page keeps the module of every widget that it ever showed.

const inflated = (bytes) => new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));

async function imported(gzipped) {
  const text = await inflated(gzipped).text();
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const loaded = await import(address);
  URL.revokeObjectURL(address);
  return loaded.default;
}

// Every explorer that finds a module missing asks for it: the kernel that was asked first may be gone.
function once(model, name) {
  const modules = (globalThis["lthkit-@VERSION@"] ??= {});
  if (!modules[name]) {
    let settle;
    modules[name] = new Promise((resolve) => (settle = resolve));
    modules[name].settle = settle;
  }
  const wanted = modules[name];
  const take = (said, buffers) => {
    if (said.kind !== "module" || said.name !== name) return;
    model.off("msg:custom", take);
    wanted.settle?.(imported(buffers[0]));
    delete wanted.settle;
  };
  if (wanted.settle) {
    model.on("msg:custom", take);
    model.send({ kind: "module", name });
  }
  return wanted;
}

async function render({ model, el }) {
  const plotly = once(model, "plotly");
  return (await once(model, "explorer"))({ model, el, plotly });
}

export default { render };
