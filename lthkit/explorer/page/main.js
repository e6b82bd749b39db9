// The explorer in a page: controls, title, figure, and what is said and shared below it.

const views = new Map(); // how many views each model has in this page
const LEFT = 3000; // milliseconds without a view after which an explorer counts as closed

// The kernel may let go of it, and the page of what it showed: a notebook's page keeps the models of closed widgets.
function leave(model) {
  views.delete(model);
  model.send({ kind: "gone" });
  for (const name of ["figure", "frame", "cells", "lists", "options"]) model.set(name, null);
}

function render({ model, el, plotly }) {
  const plain = (text) => text.replaceAll("<br>", " ");
  const title = make("div", { className: "lthkit-title" });
  const subtitle = make("div", { className: "lthkit-subtitle" });
  const host = make("div", { className: "lthkit-host" });
  const under = make("div", { className: "lthkit-under" });
  const status = make("div", { className: "lthkit-status", role: "status" });
  const tables = make("div", { className: "lthkit-tables", tabIndex: -1 });
  const header = (path, value) => {
    if (path === "title.text") title.textContent = plain(value);
    if (path === "title.subtitle.text") subtitle.textContent = plain(value);
  };

  // one wish at a time: while the kernel works only the last one waits
  let waiting = null;
  let busy = false;
  let resting = null;
  const changing = new Set(["choose", "click", "bar", "select"]);
  const ask = (said) => {
    if (!changing.has(said.kind)) return model.send(said);
    if (busy) return (waiting = waiting && said.kind === "choose" && waiting.kind === "choose" ? { ...said, changes: { ...waiting.changes, ...said.changes } } : said);
    busy = true;
    under.textContent = "";
    model.send(said);
  };
  const answered = () => {
    busy = false;
    const next = waiting;
    waiting = null;
    // while a wish waits the controls stand where the user has put them, not where the kernel still is
    if (next) ask(next);
    else settle();
  };
  const settle = () => {
    controls.follow();
    share.follow();
  };

  const controls = makeControls(model, ask);
  const share = makeShare(model, ask);
  share.box.hidden = !controls.shareable;
  const shown = { images: [], lists: [], bars: null, round: () => model.get("values").round, rounds: () => model.get("options").rounds.length };
  const root = make("section", { className: "lthkit", ariaLabel: "explorer of masks" }, controls.box, title, subtitle, host, under, status, tables, share.box);
  // keys pressed here are meant for these controls, not for the notebook's cells; but Ctrl+S saves the notebook
  const own = (event) => !(event.ctrlKey || event.metaKey || event.altKey);
  const guard = (event) => own(event) ? (root.dataset.lmSuppressShortcuts = "true") : delete root.dataset.lmSuppressShortcuts;
  window.addEventListener("keydown", guard, true);
  root.addEventListener("keydown", (event) => own(event) && event.key !== "Tab" && event.stopPropagation());
  el.append(root);
  views.set(model, (views.get(model) ?? 0) + 1);

  let figure = null;
  let stopPointing = () => {};
  const follow = () => {
    status.textContent = model.get("frame").alt;
    figure?.next();
    clearTimeout(resting);
    if (controls.shareable) resting = setTimeout(() => model.send({ kind: "rest" }), REST);
  };
  const told = (said) => {
    if (said.kind === "told") under.textContent = said.text;
    if (said.kind === "pointed") under.textContent = said.text;
    if (said.kind === "table") tables.innerHTML = said.html;
  };
  const draw = async () => {
    figure = await drawFigure(model, plotly, host, shown, header);
    stopPointing = point(figure, shown, controls.shareable ? ask : () => {}, controls.steps);
    await figure.next();
  };
  let drawn = null;
  const unwatch = watchWidth(host, () => {
    if (host.clientWidth && !drawn) drawn = draw();
    else figure?.resize();
  });
  settle();
  status.textContent = model.get("frame").alt;
  if (controls.shareable) resting = setTimeout(() => model.send({ kind: "rest" }), REST);
  model.on("change:frame", follow);
  model.on("change:tick", answered);
  model.on("msg:custom", told);
  return () => {
    unwatch();
    window.removeEventListener("keydown", guard, true);
    stopPointing();
    controls.steps.stop();
    clearTimeout(resting);
    model.off("change:frame", follow);
    model.off("change:tick", answered);
    model.off("msg:custom", told);
    figure?.close();
    root.remove(); // the notebook's own page keeps the views of closed widgets: let them hold nothing
    views.set(model, views.get(model) - 1);
    setTimeout(() => views.get(model) === 0 && leave(model), LEFT);
  };
}

export default render;
