// The maps: plotly has their axes, their cells are painted here, on one canvas behind the figure.

// What a colour scale makes of each cell 0 … top, as the pixels of an image.
function paletteOf(scale, top) {
  const stops = scale.map(([place, colour]) => [place, channels(colour)]);
  const palette = new Uint32Array(256);
  for (let cell = 0; cell < 256; cell++) {
    const at = Math.min(cell / top, 1);
    const next = Math.max(stops.findIndex(([place]) => place >= at - 1e-9), 1);
    const [[low, first], [high, second]] = [stops[next - 1], stops[next]];
    const share = high > low ? Math.min(Math.max((at - low) / (high - low), 0), 1) : 1;
    const [red, green, blue] = first.map((value, one) => Math.round(value + share * (second[one] - value)));
    palette[cell] = 0xff000000 | (blue << 16) | (green << 8) | red;
  }
  return palette;
}

function channels(colour) {
  if (colour.startsWith("#")) return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return colour.match(/[\d.]+/g).slice(0, 3).map(Number);
}

// One image a map, a pixel a cell.
function imagesOf(frame, cells, values) {
  let start = 0;
  return frame.maps.map((map) => {
    const bytes = new Uint8Array(cells.buffer, cells.byteOffset + start, map.cells);
    start += map.cells;
    const get = (path) => values.get(`${map.trace} ${path}`);
    const palette = paletteOf(get("colorscale"), get("zmax"));
    const rows = map.cells / map.columns;
    const canvas = new OffscreenCanvas(map.columns, rows);
    const context = canvas.getContext("2d");
    const image = context.createImageData(map.columns, rows);
    const pixels = new Uint32Array(image.data.buffer);
    for (let cell = 0; cell < bytes.length; cell++) pixels[cell] = palette[bytes[cell]];
    context.putImageData(image, 0, 0);
    return { ...map, rows, bytes, canvas, x0: get("x0"), dx: get("dx"), y0: get("y0"), dy: get("dy") };
  });
}

// Where a map's axes stand in the figure.
function axesOf(plot, map) {
  const layout = plot._fullLayout;
  return { x: layout[`xaxis${map.axis}`], y: layout[`yaxis${map.axis}`] };
}

// The bars of the layers, and what chance would give.
function barsOf(values) {
  const names = values.get("0 y");
  const chance = new Map(values.get("1 y").map((name, place) => [name, place]));
  const [share, expected] = [numbersOf(values.get("0 x")), numbersOf(values.get("1 x"))];
  return {
    shown: values.get("0 visible"),
    names,
    share,
    chance: names.map((name) => (chance.has(name) ? expected[chance.get(name)] : null)),
    colours: values.get("0 marker.color"),
  };
}

function numbersOf({ bdata }) {
  return new Float64Array(Uint8Array.from(atob(bdata), (letter) => letter.charCodeAt(0)).buffer);
}

function paintBars(context, plot, bars) {
  const { xaxis: x, yaxis: y } = plot._fullLayout;
  const tall = 0.75 * Math.abs(y.l2p(1) - y.l2p(0));
  bars.names.forEach((_, place) => {
    const [left, middle] = [x._offset, y._offset + y.l2p(place)];
    context.fillStyle = bars.colours[place];
    context.fillRect(left, middle - tall / 2, x.l2p(bars.share[place]), tall);
    if (bars.chance[place] === null) return;
    const at = left + x.l2p(bars.chance[place]);
    context.fillStyle = "#D55E00";
    context.beginPath();
    for (const [dx, dy] of [[-4, 0], [0, -4], [4, 0], [0, 4]]) context.lineTo(at + dx, middle + dy);
    context.fill();
  });
}

// The layer whose bar, or its name, is below a place of the figure; null where there is none.
function barAt(plot, bars, left, top) {
  const { xaxis: x, yaxis: y } = plot._fullLayout;
  if (!bars?.shown || left > x._offset + x._length || top < y._offset || top > y._offset + y._length) return null;
  return Math.min(Math.max(Math.round(y.p2l(top - y._offset)), 0), bars.names.length - 1);
}

function paint(canvas, plot, { images, bars }) {
  const ratio = window.devicePixelRatio || 1;
  const { width, height } = plot._fullLayout;
  const size = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== size[0] || canvas.height !== size[1]) {
    [canvas.width, canvas.height] = size;
    Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.imageSmoothingEnabled = false;
  if (bars?.shown) paintBars(context, plot, bars);
  for (const map of images) {
    const { x, y } = axesOf(plot, map);
    const [left, right] = [map.x0 - map.dx / 2, map.x0 + (map.columns - 0.5) * map.dx].map((at) => x._offset + x.l2p(at));
    const [top, bottom] = [map.y0 - map.dy / 2, map.y0 + (map.rows - 0.5) * map.dy].map((at) => y._offset + y.l2p(at));
    context.save();
    context.beginPath();
    context.rect(x._offset, y._offset, x._length, y._length);
    context.clip();
    context.drawImage(map.canvas, left, top, right - left, bottom - top);
    context.restore();
  }
}

// The cell of a map below a place of the figure; null where there is none.
function cellAt(plot, images, left, top) {
  for (const [panel, map] of images.entries()) {
    const { x, y } = axesOf(plot, map);
    const [across, down] = [left - x._offset, top - y._offset];
    if (across < 0 || down < 0 || across > x._length || down > y._length) continue;
    const column = Math.floor((x.p2l(across) - map.x0) / map.dx + 0.5);
    const row = Math.floor((y.p2l(down) - map.y0) / map.dy + 0.5);
    if (column >= 0 && row >= 0 && column < map.columns && row < map.rows) return { panel, row, column };
  }
  return null;
}
