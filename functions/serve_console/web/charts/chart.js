// A chart over time: a picture, a sentence that says what it shows, and the table behind it.
//
// Nothing is told by colour alone: each line has a dash pattern, a marker shape, and its name at its end.
import { html, useEffect, useMemo, useRef, useState } from "../view.js";
import { absolute } from "../figures.js";
import { Unloaded } from "../parts/notice.js";
import { DataTable } from "../parts/table.js";
import { settings } from "./drawing.js";

const HEIGHT = 260;
const DARK = matchMedia("(prefers-color-scheme: dark)");

/**
 * `times`: RFC 3339 texts, of days, hours or seconds as `unit` says. `series`: [{label, values, band?: {low, high},
 * look?}], values in the order of `times`, null where there is none; `look` keeps the look of a line that other charts
 * have too. `format` writes a value.
 */
export function Chart({ title, summary, times, series, format, unit, floor = null }) {
  const columns = useMemo(() => columnsOf(series, format), [series, format]);
  const rows = useMemo(() => times.map((at, n) => ({ at, n })), [times]);
  return html`<figure class="chart">
    <figcaption><strong>${title}</strong><p class="hint">${summary}</p></figcaption>
    ${times.length > 1 ? html`<${Canvas} title=${title} times=${times} series=${series} format=${format} unit=${unit} floor=${floor} />` : html`<p class="hint">A line appears with the second point in time; the table has what there is.</p>`}
    <details><summary>Table of “${title}”</summary>
      <${DataTable} caption=${title} columns=${columns} rows=${rows} rowKey=${(row) => row.at} sortBy=${["Time", true]} />
    </details>
  </figure>`;
}

function columnsOf(series, format) {
  const shown = (value) => (value === null || value === undefined ? "–" : format(value));
  const column = (title, values) => ({ title, number: true, value: ({ n }) => values[n] ?? null, show: ({ n }) => shown(values[n]) });
  return [
    { title: "Time", value: ({ at }) => at, show: ({ at }) => html`<time datetime=${at}>${absolute(at)}</time>` },
    ...series.flatMap(({ label, values, band }) => [
      column(label, values),
      ...(band ? [column(`${label}, lowest`, band.low), column(`${label}, highest`, band.high)] : []),
    ]),
  ];
}

function Canvas({ title, times, series, format, unit, floor }) {
  const box = useRef();
  const plot = useRef(null);
  const [failed, setFailed] = useState(false);
  const isDark = useDark();
  const shape = JSON.stringify([series.map((one) => [one.label, Boolean(one.band)]), unit, isDark]);
  const data = useMemo(() => columnar(times, series), [times, series]);
  useEffect(() => {
    const element = box.current; // the reference is emptied before this is cleared up
    if (!element) return undefined; // the library did not come
    const size = () => ({ width: element.clientWidth, height: HEIGHT });
    let isGone = false;
    // The library is a third of the application: it is loaded when the first chart is on the screen.
    import("../vendor/uplot.js").then(({ default: Plot }) => {
      if (isGone) return;
      const look = { Plot, series, format, unit, floor, ...size(), style: getComputedStyle(element) };
      plot.current = new Plot(settings(look), data, element);
    }).catch(() => setFailed(true));
    const watch = new ResizeObserver(() => plot.current?.setSize(size()));
    watch.observe(element);
    return () => {
      isGone = true;
      watch.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(data), [data]);
  if (failed) return html`<${Unloaded} what="The chart" />`;
  return html`<div class="canvas" role="img" aria-label="Line chart: ${title}. The table behind it follows."><div ref=${box}></div></div>`;
}

/** As the library takes it: seconds, then each line, and before a line with a band the band's two edges. */
function columnar(times, series) {
  const lines = series.flatMap(({ values, band }) => (band ? [band.low, band.high, values] : [values]));
  return [times.map((at) => Date.parse(at) / 1000), ...lines];
}

function useDark() {
  const [isDark, setDark] = useState(DARK.matches);
  useEffect(() => {
    const changed = () => setDark(DARK.matches);
    DARK.addEventListener("change", changed);
    return () => DARK.removeEventListener("change", changed);
  }, []);
  return isDark;
}
