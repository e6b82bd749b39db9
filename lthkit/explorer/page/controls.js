// The controls above and below the figure: native elements, each with a name, reached in order by the tab key.

const STEP = 600; // milliseconds between two rounds when they are played
const REST = 1500; // milliseconds without a change after which the picture of the last state is kept

function makeControls(model, ask) {
  const chooser = (name, label, title) => {
    const select = make("select", { title, ariaLabel: title });
    const box = make("label", { className: "lthkit-field" }, label, select);
    let offered = "";
    select.addEventListener("change", () => {
      const [, value] = JSON.parse(select.value);
      name === "table" ? ask({ kind: "table", name: value }) : ask({ kind: "choose", changes: { [name]: value } });
    });
    const follow = (options, value) => {
      box.hidden = options.length === 0;
      if (offered !== (offered = JSON.stringify(options))) {
        select.replaceChildren(...options.map((one) => make("option", { value: JSON.stringify(one), textContent: one[0] })));
      }
      const at = options.findIndex((one) => one[1] === value);
      if (at >= 0) select.selectedIndex = at;
    };
    return { box, follow };
  };
  const choosers = {
    a: chooser("a", "A", "search A: the one to look at"),
    b: chooser("b", "B", "search B: the one to compare with"),
    c: chooser("c", "C", "search C: a third one beside A and B"),
    view: chooser("view", "view", "view: what the picture shows"),
  };
  const table = chooser("table", "table", "table: the numbers behind the figure");

  const beside = make("input", { type: "checkbox" });
  const besideBox = make("label", { className: "lthkit-field", title: "A, B and C beside each other, and what differs" }, beside, "side by side");
  beside.addEventListener("change", () => ask({ kind: "choose", changes: { beside: beside.checked } }));

  const part = partChooser(ask);
  const steps = stepper(model, ask);
  const kernel = kernelChooser(ask);
  const crumbs = make("nav", { className: "lthkit-crumbs", ariaLabel: "from the whole network to one kernel" });

  const follow = () => {
    const options = model.get("options");
    const values = model.get("values");
    for (const [name, one] of Object.entries(choosers)) one.follow(options[name] ?? [], values[name]);
    table.follow(options.table ?? [], undefined);
    besideBox.hidden = !options.beside;
    beside.checked = values.beside;
    part.follow(options.scope ?? [], values.scope);
    steps.follow(options.rounds, values.round);
    kernel.follow(values.kernel, values.most);
    followCrumbs(crumbs, values.crumbs, ask);
  };
  const first = make("div", { className: "lthkit-row" }, ...["a", "b", "c"].map((name) => choosers[name].box), besideBox, choosers.view.box, part.box);
  const second = make("div", { className: "lthkit-row" }, ...steps.parts, kernel.box, table.box);
  return { box: make("div", {}, first, second, crumbs), follow, steps, shareable: !model.get("recorded") };
}

// A layer is found by typing a part of its name.
function partChooser(ask) {
  const id = `lthkit-parts-${Math.random().toString(36).slice(2)}`;
  const title = "part: all layers, a block or one layer; type to search";
  const input = make("input", { type: "search", title, ariaLabel: title, size: 26, autocomplete: "off" });
  input.setAttribute("list", id);
  const list = make("datalist", { id });
  const box = make("label", { className: "lthkit-field" }, "part", input, list);
  let known = [];
  let shown = "";
  let offered = "";
  const choose = () => {
    const asked = input.value.trim();
    const found = known.find((one) => one[0] === asked) ?? known.find((one) => asked && one[0].includes(asked));
    if (!found) return (input.value = shown);
    if (found[0] !== shown) ask({ kind: "choose", changes: { scope: found[1] } });
  };
  input.addEventListener("change", choose);
  input.addEventListener("keydown", (event) => event.key === "Enter" && choose());
  // the whole list is offered again, not only what begins like the part that is shown
  input.addEventListener("focus", () => (input.value = ""));
  input.addEventListener("blur", () => (input.value = input.value || shown));
  const follow = (options, value) => {
    box.hidden = options.length === 0;
    known = options;
    if (offered !== (offered = JSON.stringify(options))) {
      list.replaceChildren(...options.map((one) => make("option", { value: one[0] })));
    }
    shown = options.find((one) => one[1] === value)?.[0] ?? "";
    input.value = shown;
  };
  return { box, follow };
}

// The round: a slider, stepped by arrow keys, and a button that plays it.
function stepper(model, ask) {
  const slider = make("input", { type: "range", min: 0, step: 1, ariaLabel: "round", title: "prunings made; arrow keys step" });
  const said = make("output", { className: "lthkit-round" });
  const play = make("button", { type: "button", textContent: "▶", title: "play the rounds", ariaLabel: "play the rounds" });
  const loop = make("input", { type: "checkbox" });
  const loopBox = make("label", { className: "lthkit-field", title: "begin again after the last round" }, loop, "loop");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let timer = null;
  let texts = [];

  const choose = (round) => {
    slider.value = round;
    say();
    ask({ kind: "choose", changes: { round: Number(slider.value) } });
  };
  const say = () => {
    said.textContent = texts[slider.value] ?? "";
    slider.setAttribute("aria-valuetext", said.textContent);
  };
  const step = () => {
    const last = Number(slider.max);
    const next = Number(slider.value) + 1;
    if (next > last && !loop.checked) return stop();
    choose(next > last ? 0 : next);
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    Object.assign(play, { textContent: "▶", title: "play the rounds", ariaLabel: "play the rounds" });
  };
  const start = () => {
    if (Number(slider.value) === Number(slider.max)) choose(0);
    timer = setInterval(step, STEP);
    Object.assign(play, { textContent: "⏸", title: "stop playing", ariaLabel: "stop playing" });
  };
  slider.addEventListener("input", () => choose(slider.value));
  // who wants no motion steps round by round
  play.addEventListener("click", () => (timer ? stop() : still.matches ? step() : start()));
  const follow = (rounds, round) => {
    texts = rounds;
    slider.max = rounds.length - 1;
    slider.value = round;
    say();
  };
  const field = make("label", { className: "lthkit-field" }, "round", slider, said);
  return { parts: [play, loopBox, field], follow, choose, stop };
}

function kernelChooser(ask) {
  const number = (label) => {
    const title = `${label} channel of the kernel whose weights are shown`;
    const input = make("input", { type: "number", min: 0, title, ariaLabel: label });
    return { input, box: make("label", { className: "lthkit-field" }, label, input) };
  };
  const [output, inner] = [number("output"), number("input")];
  const choose = () => ask({ kind: "choose", changes: { kernel: [Number(output.input.value), Number(inner.input.value)] } });
  for (const one of [output, inner]) one.input.addEventListener("change", choose);
  const follow = (kernel, most) => {
    [output, inner].forEach((one, side) => {
      one.input.disabled = !most;
      one.input.max = most ? most[side] : 0;
      if (document.activeElement !== one.input || Number(one.input.value) !== kernel[side]) one.input.value = kernel[side];
    });
    box.hidden = !most;
  };
  const box = make("span", { className: "lthkit-row" }, output.box, inner.box);
  return { box, follow };
}

function followCrumbs(nav, crumbs, ask) {
  const focused = [...nav.children].indexOf(document.activeElement);
  nav.hidden = crumbs.length === 0;
  nav.replaceChildren(
    ...crumbs.map(([label, changes], place) => {
      const last = place === crumbs.length - 1;
      const button = make("button", { type: "button", textContent: label, disabled: Object.keys(changes).length === 0 });
      if (last) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => ask({ kind: "choose", changes }));
      return button;
    }),
  );
  nav.children[focused]?.focus();
}

// What is taken out, saved and shared.
function makeShare(model, ask) {
  const button = (text, title, said) => {
    const made = make("button", { type: "button", textContent: text, title });
    made.addEventListener("click", () => ask(said));
    return made;
  };
  const formats = { png: "PNG", svg: "SVG", pdf: "PDF", gif: "GIF of all rounds", html: "page without a kernel" };
  const saves = Object.entries(formats).map(([format, text]) => button(text, `save as ${text}`, { kind: "save", format }));
  const select = [
    button("+ part", "add the part that is shown to what is taken out as a mask", { kind: "select", what: "part" }),
    button("+ kernel", "add the chosen kernel to what is taken out as a mask", { kind: "select", what: "kernel" }),
    button("clear", "take nothing out", { kind: "select", what: "nothing" }),
  ];
  const selected = make("span", { className: "lthkit-selected" });
  const call = make("code", { className: "lthkit-call", title: "the call that shows this again" });
  const copy = make("button", { type: "button", textContent: "copy", title: "copy the call that shows this again" });
  copy.addEventListener("click", () => navigator.clipboard?.writeText(call.textContent));
  const follow = () => {
    const values = model.get("values");
    const taken = values.selected ?? [];
    selected.textContent = taken.length ? `${taken.join(" · ")}: explorer.mask()` : "nothing";
    call.textContent = values.call;
    select[1].disabled = !values.most;
  };
  const row = (label, ...parts) => make("div", { className: "lthkit-row" }, make("span", { textContent: label }), ...parts);
  const box = make("div", { className: "lthkit-share" }, row("take out", ...select, selected), row("save", ...saves), row("again", call, copy));
  return { box, follow };
}
