// What a model earns, fresh every few seconds while somebody looks.
import { html, useMemo, useState } from "../view.js";
import { get } from "../api.js";
import { count, percent, percentRange, signedPercent } from "../figures.js";
import { liftSentence } from "../models/status.js";
import { Notice, Waiting } from "../parts/notice.js";
import { useResource } from "../resource.js";
import { Accounting } from "./accounting.js";
import { Audiences } from "./audiences.js";
import { LiftOverTime } from "./lift.js";
import { Live } from "./live.js";
import { Offers } from "./offers.js";
import { RatesOverTime, SharesOverTime, TrafficOverTime } from "./traffic.js";

const PERIODS = [["7", "7 days"], ["30", "30 days"], ["90", "90 days"], ["all", "All time"]];

export function Report({ model, every }) {
  const [days, setDays] = useState("30");
  const found = useResource((signal) => get(`models/${model.id}/report`, { days }, signal), [model.id, days], { every });
  const tools = html`<div class="report-tools">
    <label>Period <select value=${days} onChange=${(event) => setDays(event.target.value)}>${PERIODS.map(([value, text]) => html`<option value=${value}>${text}</option>`)}</select></label>
    <span class="live-dot" title="Refreshes by itself while this page is open">${found.error ? "Not refreshed" : "Refreshes by itself"}${found.at ? `, last at ${new Date(found.at).toLocaleTimeString("en-GB")}` : ""}</span>
  </div>`;
  return html`${tools}
    <${Waiting} resource=${found} what="Report" />
    ${found.data && html`<${Shown} key=${days} report=${found.data} model=${model} />`}`;
}

function Shown({ report, model }) {
  const isEmpty = report.accounting.received === 0;
  // The charts are drawn anew only when a figure of theirs has moved, and not at every look.
  const over = useMemo(() => report.trafficOverTime, [JSON.stringify(report.trafficOverTime)]);
  return html`
    ${isEmpty && html`<${Notice} kind="info" title="No events yet"><p>${model.status === "live" ? "The model ranks at random until the first displays and clicks arrive in its datasets; they show here within seconds." : "Once the model is active, events in its datasets show here within seconds."}</p><//>`}
    <${Cards} report=${report} />
    <p class="lift-sentence">${liftSentence(report.lift)}</p>
    ${model.type === "personalized" && report.personalization && html`<p class="lift-sentence">Gain of personalizing: <strong>${signedPercent(report.personalization.value)}</strong>${report.personalization.interval && ` (${percentRange(report.personalization.interval, signedPercent)})`}. ${liftSentence(report.personalization, "ranking for the person", "ranking for everybody")}</p>`}
    <${Live} report=${report} />
    <div class="charts">
      <${LiftOverTime} over=${over} />
      <${RatesOverTime} over=${over} />
      <${TrafficOverTime} over=${over} />
      <${SharesOverTime} over=${over} />
    </div>
    <${Offers} offers=${report.offers} />
    ${model.type === "personalized" && html`<${Audiences} audiences=${report.audiences ?? []} />`}
    <${Accounting} accounting=${report.accounting} />`;
}

function Cards({ report }) {
  const { totals, lift, traffic } = report;
  const card = (title, value, note) => html`<div><dt>${title}</dt><dd>${value}${note && html`<span class="note">${note}</span>`}</dd></div>`;
  return html`<dl class="cards">
    ${card("Displays", count(totals.impressions), "of all events in the datasets")}
    ${card("Conversions", count(totals.conversions))}
    ${card("Rate", percent(totals.conversionRate))}
    ${card("Lift over random", signedPercent(lift.value), lift.interval ? percentRange(lift.interval, signedPercent) : "no interval yet")}
    ${card("Ranked by it", count(traffic.model.impressions), `rate ${percent(traffic.model.conversionRate)}`)}
    ${card("Ranked at random", count(traffic.random.impressions), `rate ${percent(traffic.random.conversionRate)}`)}
  </dl>`;
}
