// What happened while somebody looked: a point for each look at which there were new events.
//
// The report's own points are hours and days. A demonstration, or the first minutes of a new model, fit into one.
import { html, useEffect, useMemo, useState } from "../view.js";
import { Chart } from "../charts/chart.js";
import { percent } from "../figures.js";

const MOST_LOOKS = 200;
const MOST_LINES = 5;

export function Live({ report }) {
  const looks = useLooks(report);
  const times = looks.map((look) => look.asOf);
  const rates = useMemo(() => [
    { label: "Model", look: 0, values: looks.map((look) => look.traffic.model.conversionRate) },
    { label: "Random", look: 1, values: looks.map((look) => look.traffic.random.conversionRate) },
  ], [looks]);
  const shares = useMemo(() => sharesOf(looks), [looks]);
  if (looks.length < 3) return null;
  return html`<div class="charts">
    <${Chart} title="Rates since this page was opened" times=${times} unit="second" series=${rates} format=${percent}
      summary="The rate of everything in the period, at each look that found new events." />
    <${Chart} title="Offers shown since this page was opened" times=${times.slice(1)} unit="second" series=${shares} format=${percent} floor=${0}
      summary="Which part of the displays that were new at each look the offers had that are shown most by now." />
  </div>`;
}

function useLooks(report) {
  const [looks, setLooks] = useState([]);
  useEffect(() => {
    setLooks((before) => {
      const isNew = before.at(-1)?.totals.impressions !== report.totals.impressions;
      return isNew ? [...before, report].slice(-MOST_LOOKS) : before;
    });
  }, [report]);
  return looks;
}

/** Of each look but the first, the offers' parts of the displays that came since the one before. */
function sharesOf(looks) {
  if (looks.length < 2) return [];
  const counts = looks.map((look) => new Map(look.offers.map((one) => [one.id, one.impressions])));
  const fresh = counts.slice(1).map((now, n) => {
    const gained = (id) => Math.max(0, (now.get(id) ?? 0) - (counts[n].get(id) ?? 0));
    const total = [...now.keys()].reduce((sum, id) => sum + gained(id), 0);
    return (id) => (total ? gained(id) / total : null);
  });
  const newest = fresh.at(-1);
  const most = [...(counts.at(-1)?.keys() ?? [])].toSorted((left, right) => newest(right) - newest(left)).slice(0, MOST_LINES);
  return most.map((id) => ({ label: id, values: fresh.map((share) => share(id)) }));
}
