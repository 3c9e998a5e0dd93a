// Rates per offer, each with the interval that holds its true rate.
import { html, useMemo } from "../view.js";
import { Interval } from "../charts/interval.js";
import { count, percent, percentRange } from "../figures.js";
import { Section } from "../parts/page.js";
import { DataTable } from "../parts/table.js";

export function Offers({ offers }) {
  const columns = useMemo(() => columnsOf(offers), [offers]);
  return html`<${Section} id="offers" title="Rates per offer" hint="By all events of the period, also of other models and of people to whom other offers were not shown. An interval holds the offer's true rate with 95 % probability.">
    <${DataTable} caption="Rates per offer" columns=${columns} rows=${offers} rowKey=${(row) => row.id} search=${(row) => row.id} searchLabel="Search offers"
      sortBy=${["Displays", true]} empty="No offer has been displayed in this period." />
  <//>`;
}

function columnsOf(offers) {
  // One scale for all; an offer with two displays and an interval up to 90 % must not make all others a dot.
  const to = offers.reduce((most, one) => Math.max(most, one.conversionRate ?? 0, one.impressions >= 20 ? one.interval[1] : 0), 0.01);
  return [
    { title: "Offer", value: (row) => row.id, show: (row) => html`<bdi class="name">${row.id}</bdi>` },
    { title: "Displays", number: true, value: (row) => row.impressions, show: (row) => count(row.impressions) },
    { title: "Conversions", number: true, value: (row) => row.conversions, show: (row) => count(row.conversions) },
    { title: "Rate", number: true, value: (row) => row.conversionRate, show: (row) => percent(row.conversionRate) },
    { title: "Lowest", number: true, value: (row) => row.interval[0], show: (row) => percent(row.interval[0]) },
    { title: "Highest", number: true, value: (row) => row.interval[1], show: (row) => html`${percent(row.interval[1])}<span class="sr-only">, together ${percentRange(row.interval)}</span>` },
    { title: "Interval", value: (row) => row.conversionRate, show: (row) => html`<${Interval} value=${row.conversionRate} interval=${row.interval} from=${0} to=${to} />` },
    { title: "Best with", number: true, hint: "How probably its rate is the highest of all", value: (row) => row.probabilityBest, show: (row) => percent(row.probabilityBest) },
    { title: "Share", number: true, hint: "Its part of all displays", value: (row) => row.share, show: (row) => percent(row.share) },
  ];
}
