// How lines look: uPlot's settings for a chart.
const DASHES = [[], [8, 4], [2, 4], [10, 4, 2, 4], [5, 5], [1, 6]];
const MARKERS = [circle, square, triangle, diamond, cross, ring];
const COLOURS = 6;
const NARROW = 520; // pixels of width below which the names at the lines are cut sooner

/** Settings for `series` as Chart has them; colours come from the style sheet's variables, so that they fit the scheme. */
export function settings({ Plot, series, format, floor, unit, width, height, style }) {
  const ink = style.getPropertyValue("--muted").trim();
  const grid = { stroke: style.getPropertyValue("--line").trim(), width: 1 };
  const axis = { stroke: ink, grid, ticks: grid, font: "12px system-ui, sans-serif" };
  const letters = width < NARROW ? 9 : 16;
  const lines = [{ label: "Time", value: (_, seconds) => (seconds ? written(seconds, unit) : "–") }];
  const bands = [];
  series.forEach((one, n) => {
    const look = one.look ?? n;
    const colour = style.getPropertyValue(`--line-${1 + (look % COLOURS)}`).trim();
    if (one.band) {
      const edge = { stroke: colour, width: 1, dash: [2, 3], points: { show: false }, value: (_, value) => text(value, format) };
      lines.push({ ...edge, label: "Lowest" }, { ...edge, label: "Highest" });
      bands.push({ series: [lines.length - 1, lines.length - 2], fill: faint(colour) });
    }
    lines.push(line(Plot, one, look, colour, format));
  });
  return {
    width, height, bands, series: lines,
    padding: [12, spaceFor(series, letters), 0, 0],
    cursor: { drag: { x: false, y: false }, points: { size: 7 } },
    legend: { live: true, markers: { width: 0 } },
    scales: { x: { time: true }, y: { range: (_, low, high) => range(low, high, floor) } },
    axes: [{ ...axis, space: 90, values: (_, values) => values.map((seconds) => written(seconds, unit)) }, { ...axis, size: 62, values: (_, values) => values.map((value) => plain(format(value))) }],
    hooks: { draw: [(plot) => labels(plot, style.color, letters)], ready: [latest], setData: [latest], setCursor: [(plot) => plot.cursor.idx === null && latest(plot)] },
  };
}

function line(Plot, { label }, look, colour, format) {
  const marker = MARKERS[look % MARKERS.length];
  return {
    label, stroke: colour, width: 2, dash: DASHES[look % DASHES.length],
    isLine: true,
    value: (_, value) => text(value, format),
    points: { show: true, size: 8, fill: colour, stroke: colour, width: 1, dash: [], filter: sparse, paths: (plot, at, i0, i1, filtered) => marked(Plot, plot, at, filtered ?? every(i0, i1), marker) },
  };
}

// Days are those of UTC, as in the report; hours and seconds are one's own.
const FORMATS = {
  day: new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" }),
  hour: new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }),
  second: new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" }),
};
const written = (seconds, unit) => FORMATS[unit].format(1000 * seconds);
const plain = (text) => text.replace(/\.0+(?= )/, ""); // "20.0 %" -> "20 %" at an axis
const text = (value, format) => (value === null || value === undefined ? "–" : format(value));
const every = (i0, i1) => Array.from({ length: i1 - i0 + 1 }, (_, n) => i0 + n);

/** The legend has the newest values, until somebody points at others. */
const latest = (plot) => plot.setLegend({ idx: plot.data[0].length - 1 }, false);
const spaceFor = (series, letters) => 22 + 6.6 * Math.max(...series.map((one) => short(one.label, letters).length));

/** At most some 24 markers on a line, and always its last one: beside those it is a line. */
function sparse(plot, at) {
  const present = plot.data[at].map((value, n) => (value === null ? -1 : n)).filter((n) => n >= 0);
  const step = Math.ceil(present.length / 24);
  return present.filter((_, n) => (present.length - 1 - n) % step === 0);
}

function range(low, high, floor) {
  if (low === null || low === undefined) return [0, 1];
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  return [floor !== null && low >= floor ? floor : low - room, high + room];
}

/** Each line's name at its end; names that would lie on each other move apart. */
function labels(plot, colour, letters) {
  const { ctx, bbox } = plot;
  const places = [];
  plot.series.forEach((one, at) => {
    if (!one.isLine || one.show === false) return;
    const values = plot.data[at];
    const last = values.findLastIndex((value) => value !== null && value !== undefined);
    if (last >= 0) places.push({ name: one.label, y: plot.valToPos(values[last], "y", true) });
  });
  const scale = devicePixelRatio;
  const gap = 15 * scale;
  places.sort((left, right) => left.y - right.y);
  places.forEach((one, n) => (one.y = Math.max(one.y, bbox.top + gap / 2, n ? places[n - 1].y + gap : 0)));
  for (let n = places.length - 1; n >= 0; n -= 1) {
    const below = n === places.length - 1 ? bbox.top + bbox.height : places[n + 1].y - gap;
    places[n].y = Math.min(places[n].y, below);
  }
  ctx.save();
  ctx.font = `${12 * scale}px system-ui, sans-serif`;
  ctx.fillStyle = colour;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  for (const { name, y } of places) ctx.fillText(short(name, letters), bbox.left + bbox.width + 10 * scale, y);
  ctx.restore();
}

const short = (name, letters) => (name.length > letters ? `${name.slice(0, letters - 1)}…` : name);
const faint = (colour) => `color-mix(in srgb, ${colour} 16%, transparent)`;

/** uPlot's points, drawn by a shape of ours. */
function marked(Plot, plot, at, indices, shape) {
  const path = new Path2D();
  const radius = 4 * devicePixelRatio;
  Plot.orient(plot, at, (series, xs, ys, scaleX, scaleY, toX, toY, left, top, width, height) => {
    for (const n of indices) {
      if (ys[n] === null || ys[n] === undefined) continue;
      shape(path, toX(xs[n], scaleX, width, left), toY(ys[n], scaleY, height, top), radius);
    }
  });
  return { stroke: path, fill: path };
}

function circle(path, x, y, r) {
  path.moveTo(x + r, y);
  path.arc(x, y, r, 0, 2 * Math.PI);
}

function square(path, x, y, r) {
  path.rect(x - r * 0.85, y - r * 0.85, r * 1.7, r * 1.7);
}

function triangle(path, x, y, r) {
  polygon(path, [[x, y - r], [x + r, y + r * 0.8], [x - r, y + r * 0.8]]);
}

function diamond(path, x, y, r) {
  polygon(path, [[x, y - 1.2 * r], [x + 1.2 * r, y], [x, y + 1.2 * r], [x - 1.2 * r, y]]);
}

function cross(path, x, y, r) {
  path.rect(x - r, y - r * 0.3, 2 * r, r * 0.6);
  path.rect(x - r * 0.3, y - r, r * 0.6, 2 * r);
}

function ring(path, x, y, r) {
  circle(path, x, y, r);
  path.moveTo(x + r * 0.5, y);
  path.arc(x, y, r * 0.5, 0, 2 * Math.PI, true); // the other way round: a hole
}

function polygon(path, corners) {
  corners.forEach(([x, y], n) => (n ? path.lineTo(x, y) : path.moveTo(x, y)));
  path.closePath();
}
