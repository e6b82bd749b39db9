// The model of a recorded page: it answers what a kernel would, as far as it was recorded.
function replay(recorded, cells, modules) {
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
  const choose = (said) => {
    shown.values = { ...shown.values, ...said.changes };
    show();
  };
  const module = async ({ name }) => tell("msg:custom", { kind: "module", name }, [await modules(name)]);
  const answers = { choose, module };
  const send = (said) => answers[said.kind]?.(said);
  show();
  return { get: (name) => shown[name], on, off, send };
}
