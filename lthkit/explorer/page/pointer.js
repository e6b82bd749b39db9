// Pointing, clicking and dragging: what a place in the figure says and does.

const POINTING = 80; // milliseconds until the kernel is asked for the exact number where the pointer rests
const TWICE = 260; // milliseconds in which a second click makes a double click, which resets the zoom and opens nothing
const NEAR = 5; // pixels: a longer way is a drag

function point({ plot, reset }, shown, ask, steps) {
  const tip = make("div", { className: "lthkit-tip", hidden: true });
  const marks = [];
  plot.append(tip);
  let pressed = null;
  let opening = null;
  let asking = null;
  let dragging = false;

  const place = (event) => {
    const box = plot.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const inStrip = ([left, top]) => {
    const { xaxis11: x, yaxis11: y } = plot._fullLayout;
    return left >= x._offset - 8 && left <= x._offset + x._length + 8 && top >= y._offset - 6 && top <= y._offset + y._length + 26;
  };
  const roundAt = ([left]) => {
    const x = plot._fullLayout.xaxis11;
    const last = shown.rounds() - 1;
    return Math.min(Math.max(Math.round(x.p2l(left - x._offset)), 0), last);
  };
  const drag = (event) => {
    const round = roundAt(place(event));
    if (round !== shown.round()) steps.choose(round);
  };
  const hide = () => {
    tip.hidden = true;
    clearTimeout(asking);
    for (const mark of marks) mark.hidden = true;
  };
  const say = (event) => {
    const at = place(event);
    plot.classList.toggle("lthkit-dragged", inStrip(at));
    const cell = cellAt(plot, shown.images, ...at);
    const bar = cell ? null : barAt(plot, shown.bars, ...at);
    if ((!cell && bar === null) || pressed) return hide();
    tip.textContent = cell ? spoken(shown, cell) : spokenBar(shown.bars, bar);
    tip.hidden = false;
    const room = plot.clientWidth - tip.offsetWidth - 8;
    Object.assign(tip.style, { left: `${Math.max(Math.min(at[0] + 14, room), 0)}px`, top: `${at[1] + 16}px` });
    clearTimeout(asking);
    if (!cell) return;
    followMarks(plot, shown, marks, cell);
    asking = setTimeout(() => ask({ kind: "point", at: [cell.row, cell.column] }), POINTING);
  };

  plot.addEventListener("pointermove", (event) => (dragging ? drag(event) : say(event)));
  plot.addEventListener("pointerleave", hide);
  plot.addEventListener(
    "pointerdown",
    (event) => {
      const at = place(event);
      if (event.button === 0 && inStrip(at)) {
        dragging = true;
        plot.setPointerCapture(event.pointerId);
        drag(event);
      } else {
        pressed = cellAt(plot, shown.images, ...at) || barAt(plot, shown.bars, ...at) !== null ? at : null;
      }
    },
    true,
  );
  // plotly drags by mouse events: those on the strip are ours
  plot.addEventListener("mousedown", (event) => inStrip(place(event)) && event.stopPropagation(), true);
  const release = (event) => {
    const at = place(event);
    const from = pressed;
    pressed = null;
    if (dragging) {
      dragging = false;
      return;
    }
    if (!from || Math.hypot(at[0] - from[0], at[1] - from[1]) > NEAR) return;
    const cell = cellAt(plot, shown.images, ...at);
    const bar = cell ? null : barAt(plot, shown.bars, ...at);
    if (bar !== null) return ask({ kind: "bar", at: bar });
    if (opening) {
      // plotly's cover takes the browser's own double clicks
      opening = clearTimeout(opening) ?? null;
      return reset();
    }
    opening = setTimeout(() => {
      opening = null;
      if (cell) ask({ kind: "click", at: [cell.row, cell.column] });
    }, TWICE);
  };
  // plotly covers the page while it drags, so the release is heard where it goes
  window.addEventListener("pointerup", release, true);
  return () => {
    window.removeEventListener("pointerup", release, true);
    clearTimeout(opening);
    clearTimeout(asking);
  };
}

// What a cell is, and its number in every map.
function spoken(shown, { row, column }) {
  const numbers = shown.images
    .filter((map) => column < map.columns && row < map.rows)
    .map((map) => shown.lists[map.said][map.bytes[row * map.columns + column]]);
  const map = shown.images[0];
  return `${shown.lists[map.across][column] ?? ""}, ${shown.lists[map.down][row] ?? ""}: ${numbers.join(" | ")}`;
}

function spokenBar(bars, place) {
  const chance = bars.chance[place] === null ? "" : `, by chance ${bars.chance[place].toPrecision(3)} %`;
  return `${bars.names[place]}: ${bars.share[place].toPrecision(3)} %${chance}`;
}

// The same place in every other map.
function followMarks(plot, shown, marks, { panel, row, column }) {
  for (const [place, map] of shown.images.entries()) {
    marks[place] ??= plot.appendChild(make("div", { className: "lthkit-mark" }));
    const { x, y } = axesOf(plot, map);
    const [left, top] = [x.l2p(map.x0 + column * map.dx), y.l2p(map.y0 + row * map.dy)];
    const inside = left >= 0 && top >= 0 && left <= x._length && top <= y._length;
    marks[place].hidden = place === panel || !inside;
    Object.assign(marks[place].style, { left: `${x._offset + left}px`, top: `${y._offset + top}px` });
  }
  for (const mark of marks.slice(shown.images.length)) mark.hidden = true;
}
