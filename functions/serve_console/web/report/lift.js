// Lift over time: at the end of each hour or day the lift of everything up to then, with the interval that holds at all
// times. The report measures it; the last point is the report's own lift.
import { html, useMemo } from "../view.js";
import { Chart } from "../charts/chart.js";
import { signedPercent } from "../figures.js";
import { useTimes } from "./traffic.js";

export function LiftOverTime({ over }) {
  const times = useTimes(over);
  const series = useMemo(() => {
    const lifts = over.points.map((one) => one.lift);
    const band = { low: lifts.map((one) => one.interval?.[0] ?? null), high: lifts.map((one) => one.interval?.[1] ?? null) };
    return [{ label: "Lift", values: lifts.map((one) => one.value), band }];
  }, [over]);
  return html`<${Chart} title="Lift over time" times=${times} unit=${over.unit} series=${series} format=${signedPercent}
    summary="How much more the model earns than random order, of everything since the model was created, up to each ${over.unit} of the period. The band holds the true lift with 95 % confidence, however often one looks." />`;
}
