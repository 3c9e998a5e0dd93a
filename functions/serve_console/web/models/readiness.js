// Whether there is something to learn from, and how long until a lift would be seen.
import { html } from "../view.js";
import { get } from "../api.js";
import { count, number, percent } from "../figures.js";
import { Notice, Waiting } from "../parts/notice.js";
import { Section } from "../parts/page.js";
import { DataTable } from "../parts/table.js";
import { Accounting } from "../report/accounting.js";
import { useResource } from "../resource.js";

const DAYS = [
  { title: "Lift", value: (row) => row.lift, show: (row) => percent(row.lift) },
  { title: "Days until it is seen", number: true, value: (row) => row.days, show: (row) => (row.days === null ? "never at this traffic" : number(row.days)) },
];
const OFFERS = [
  { title: "Offer", value: (row) => row.id, show: (row) => html`<bdi class="name">${row.id}</bdi>` },
  { title: "Impressions", number: true, value: (row) => row.impressions, show: (row) => count(row.impressions) },
  { title: "Conversions", number: true, value: (row) => row.conversions, show: (row) => count(row.conversions) },
  { title: "Rate", number: true, value: (row) => row.conversionRate, show: (row) => percent(row.conversionRate) },
];

export function Readiness({ model }) {
  const found = useResource((signal) => get(`models/${model.id}/readiness`, {}, signal), [model.id, model.version], { every: 10_000 });
  if (!found.data) return html`<${Waiting} resource=${found} what="Readiness" />`;
  const ready = found.data;
  return html`
    <${Waiting} resource=${found} what="Readiness" />
    ${ready.ready ? html`<${Notice} kind="good" title="Ready"><p>There are impressions and conversions to learn from.</p><//>` : html`<${Notice} kind="warning" title="Not ready yet"><p>It can be activated, but ranks at random until there is something to learn from.</p><//>`}
    ${ready.notes.length > 0 && html`<ul class="notes">${ready.notes.map((note) => html`<li><bdi>${note}</bdi></li>`)}</ul>`}
    <dl class="cards">
      <div><dt>Impressions</dt><dd>${count(ready.totals.impressions)}</dd></div>
      <div><dt>Conversions</dt><dd>${count(ready.totals.conversions)}</dd></div>
      <div><dt>Impressions a day</dt><dd>${number(ready.impressionsPerDay)}</dd></div>
      <div><dt>Base rate</dt><dd>${percent(ready.baseRate)}</dd></div>
    </dl>
    <p class="hint">${ready.windowDays === null ? "Of all time." : `Of the last ${ready.windowDays} days.`}</p>
    <${Section} id="expected" title="When a lift would be seen" hint="If all this traffic is ranked by the model, ${percent(ready.randomShare)} of it at random.">
      <${DataTable} caption="When a lift would be seen" columns=${DAYS} rows=${ready.expectedDays} />
    <//>
    <${Section} id="found" title="Events found per offer">
      <${DataTable} caption="Events found per offer" columns=${OFFERS} rows=${ready.offers} rowKey=${(row) => row.id} search=${(row) => row.id} searchLabel="Search offers" sortBy=${["Impressions", true]} />
    <//>
    <${Accounting} accounting=${ready.accounting} />`;
}
