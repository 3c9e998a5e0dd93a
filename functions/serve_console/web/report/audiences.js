// A personalized model's own traffic, audience by audience.
import { html, useMemo } from "../view.js";
import { Interval } from "../charts/interval.js";
import { count, percent, percentRange, signedPercent } from "../figures.js";
import { Section } from "../parts/page.js";
import { DataTable } from "../parts/table.js";

const NOBODYS = "In none of them";

export function Audiences({ audiences }) {
  const columns = useMemo(() => columnsOf(audiences), [audiences]);
  return html`<${Section} id="per-audience" title="Per audience" hint="Who is in several counts in each. Lift compares the model with random order among the same people; of many intervals, some do not hold.">
    <${DataTable} caption="Per audience" columns=${columns} rows=${audiences} rowKey=${(row) => row.audience ?? ""} sortBy=${["Displays", true]} />
  <//>`;
}

function columnsOf(audiences) {
  const ends = audiences.flatMap(({ lift }) => lift.interval ?? (lift.value === null ? [] : [lift.value]));
  const [from, to] = [Math.min(-0.05, ...ends), Math.min(3, Math.max(0.05, ...ends))];
  return [
    { title: "Audience", value: (row) => row.audience ?? NOBODYS, show: (row) => html`<bdi class="name">${row.audience ?? NOBODYS}</bdi>` },
    { title: "Displays", number: true, value: (row) => row.impressions, show: (row) => count(row.impressions) },
    { title: "Conversions", number: true, value: (row) => row.conversions, show: (row) => count(row.conversions) },
    { title: "Rate", number: true, value: (row) => row.conversionRate, show: (row) => html`${percent(row.conversionRate)}<span class="note">${percentRange(row.interval)}</span>` },
    { title: "Lift", number: true, value: (row) => row.lift.value, show: (row) => signedPercent(row.lift.value) },
    { title: "Lowest lift", number: true, value: (row) => row.lift.interval?.[0] ?? null, show: (row) => signedPercent(row.lift.interval?.[0]) },
    { title: "Highest lift", number: true, value: (row) => row.lift.interval?.[1] ?? null, show: (row) => signedPercent(row.lift.interval?.[1]) },
    { title: "Interval", value: (row) => row.lift.value, show: (row) => html`<${Interval} value=${row.lift.value} interval=${row.lift.interval} from=${from} to=${to} />` },
  ];
}
