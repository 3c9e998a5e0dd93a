// Lift over time: at each hour or day the lift of everything up to then, with the interval that holds at all times.
import { html, useMemo } from "../view.js";
import { Chart } from "../charts/chart.js";
import { signedPercent } from "../figures.js";

// As in shared/offer_ranking/measuring/lift.py, where the reasons are. A stratum here is a point of the chart: hours,
// and on a long report days, where the report's own lift has hours always. The last point is the report's own.
const ALPHA = 0.05;
const ETA = 57.4;
const LEAST = 20;

export function LiftOverTime({ over, lift }) {
  const points = useMemo(() => pooled(over.points), [over]);
  const last = points.length - 1;
  const at = (name) => points.map((one, n) => (n === last ? own(lift)[name] : one[name]));
  const series = useMemo(() => [{ label: "Lift", values: at("value"), band: { low: at("low"), high: at("high") } }], [over, lift.value]);
  return html`<${Chart} title="Lift over time" times=${over.points.map((one) => one.start)} unit=${over.unit} series=${series} format=${signedPercent}
    summary="How much more the model earns than random order, of everything up to each ${over.unit} of the period. The band holds the true lift with 95 % confidence, however often one looks." />`;
}

const own = ({ value, interval }) => ({ value, low: interval?.[0] ?? null, high: interval?.[1] ?? null });

/** [{value, low, high}] up to each point, pooled over the points by Mantel and Haenszel; null where it cannot be said. */
export function pooled(points) {
  let mine = 0, theirs = 0, spread = 0;
  const least = [0, 0, 0, 0];
  return points.map(({ model, random }) => {
    const n = model.impressions, m = random.impressions;
    if (n > 0 && m > 0) {
      const c = Math.min(model.conversions, n), d = Math.min(random.conversions, m), total = n + m;
      mine += (c * m) / total;
      theirs += (d * n) / total;
      spread += (n * m * (c + d) - c * d * total) / total ** 2;
      [c, d, n - c, m - d].forEach((value, k) => (least[k] += value));
    }
    if (!(mine > 0 && theirs > 0)) return { value: null, low: null, high: null };
    const estimate = Math.log(mine / theirs);
    if (Math.min(...least) < LEAST) return { value: Math.expm1(estimate), low: null, high: null };
    const half = halfWidth((mine * theirs) / spread);
    return { value: Math.expm1(estimate), low: Math.expm1(estimate - half), high: Math.expm1(estimate + half) };
  });
}

function halfWidth(information) {
  const mixed = information + ETA;
  return Math.sqrt(mixed * Math.log(mixed / (ETA * ALPHA ** 2))) / information;
}
