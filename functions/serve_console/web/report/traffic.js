// How traffic moved: what each arm earned, how much each had, and which offers were shown.
import { html, useMemo } from "../view.js";
import { Chart } from "../charts/chart.js";
import { percent } from "../figures.js";

// An arm looks the same in each chart: the third entry.
const ARMS = [["model", "Model", 0], ["noncontextual", "For everybody", 2], ["contextual", "For the person", 3], ["random", "Random", 1]];
const MOST_LINES = 5;

const armsOf = (over) => ARMS.filter(([key]) => over.points.some((point) => point[key]));

/** When the points begin: the same array while they stay, since charts are drawn anew with another. */
export const useTimes = (over) => useMemo(() => over.points.map((point) => point.start), [over]);

export function RatesOverTime({ over }) {
  const times = useTimes(over);
  const series = useMemo(() => armsOf(over).map(([key, label, look]) => ({ label, look, values: over.points.map((point) => point[key].conversionRate) })), [over]);
  return html`<${Chart} title="Conversion rate over time" times=${times} unit=${over.unit} series=${series} format=${percent} floor=${0}
    summary="What the model's own rankings earned in each ${over.unit}, beside those at random." />`;
}

export function TrafficOverTime({ over }) {
  const times = useTimes(over);
  const series = useMemo(() => {
    const arms = armsOf(over).filter(([key]) => key !== "model" || !over.points.some((point) => point.contextual));
    const total = (point) => point.random.impressions + point.model.impressions;
    return arms.map(([key, label, look]) => ({ label, look, values: over.points.map((point) => (total(point) ? point[key].impressions / total(point) : null)) }));
  }, [over]);
  return html`<${Chart} title="Share of traffic over time" times=${times} unit=${over.unit} series=${series} format=${percent} floor=${0}
    summary="Which part of the model's own displays was ranked at random, and which by the model." />`;
}

export function SharesOverTime({ over }) {
  const times = useTimes(over);
  const series = useMemo(() => {
    const each = over.offers.map((offer, n) => ({ label: offer, values: over.points.map((point) => point.shares[n]) }));
    const rest = (point) => point.others + point.shares.slice(MOST_LINES).reduce((sum, share) => sum + share, 0);
    return [...each.slice(0, MOST_LINES), { label: "All others", values: over.points.map(rest) }];
  }, [over]);
  return html`<${Chart} title="Share of each offer over time" times=${times} unit=${over.unit} series=${series} format=${percent} floor=${0}
    summary="Which part of all displays the ${Math.min(MOST_LINES, over.offers.length)} most shown offers had." />`;
}
