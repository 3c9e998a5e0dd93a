// AI models: what there is, how each does, and the way to a new one.
import { html, useEffect, useState } from "../view.js";
import { get } from "../api.js";
import { count, percent, percentRange, signedPercent } from "../figures.js";
import { Waiting } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { ForManagers } from "../parts/permission.js";
import { Scroller } from "../parts/table.js";
import { fewAtATime, useResource } from "../resource.js";
import { link, refine, usePlace } from "../router.js";
import { mayManage } from "../session.js";
import { Refreshed, Status, Training, TYPES } from "./status.js";
import { First, NameFilter, Pager, SortHeading } from "../parts/list.js";

const PAGE = 25;
const CRUMBS = [["Components"], ["Ranking"], ["AI models"]];

export default function Models() {
  const { query } = usePlace();
  const { status, type, name, orderBy, start } = Object.fromEntries(query);
  const models = useResource((signal) => get("models", { status, type, name, orderBy, start, limit: PAGE }, signal), [status, type, name, orderBy, start], { every: 15_000 });
  const isFiltered = Boolean(status || type || name);
  const create = mayManage() && html`<a class="button primary" href=${link("models", "new")}>Create AI model</a>`;
  return html`<${Page} title="AI models" crumbs=${CRUMBS} actions=${create}>
    <${Filters} status=${status} type=${type} name=${name} />
    <${Waiting} resource=${models} what="AI models" />
    ${models.data && (models.data.results.length || isFiltered ? html`<${List} page=${models.data} orderBy=${orderBy ?? "-updatedAt"} />` : html`<${FirstModel} />`)}
    ${models.data && html`<${Pager} page=${models.data} start=${start} what="AI models" />`}
  <//>`;
}

function Filters({ status = "", type = "", name = "" }) {
  const choose = (key) => (event) => refine({ [key]: event.target.value, start: "" });
  return html`<form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
    <${NameFilter} name=${name} />
    <label>Status <select value=${status} onChange=${choose("status")}><option value="">Any</option><option value="draft">Draft</option><option value="live">Live</option><option value="archived">Archived</option></select></label>
    <label>Type <select value=${type} onChange=${choose("type")}><option value="">Any</option>${Object.entries(TYPES).map(([key, label]) => html`<option value=${key}>${label}</option>`)}</select></label>
  </form>`;
}

function List({ page, orderBy }) {
  const reports = useReports(page.results);
  const heading = (text, key) => html`<${SortHeading} text=${text} by=${key} orderBy=${orderBy} />`;
  return html`<${Scroller} caption="AI models"><table class="list">
    <caption class="sr-only">AI models</caption>
    <thead><tr>${heading("Name", "name")}${heading("Status", "status")}${heading("Type", "type")}
      <th scope="col">Training</th><th scope="col">Last refresh</th>
      <th scope="col" class="number">Displays</th><th scope="col" class="number">Conversions</th><th scope="col" class="number">Rate</th><th scope="col" class="number" title="How much more the model earns than random order">Lift</th>
      ${heading("Changed", "updatedAt")}</tr></thead>
    <tbody>
      ${page.results.map((model) => html`<${Row} key=${model.id} model=${model} report=${reports[model.id]} />`)}
      ${!page.results.length && html`<tr><td colspan="10" class="empty-row">No AI model matches.</td></tr>`}
    </tbody>
  </table><//>`;
}

function Row({ model, report }) {
  const lift = report?.lift;
  return html`<tr>
    <th scope="row"><a href=${link("models", model.id)}><bdi class="name">${model.name}</bdi></a>${model.description && html`<span class="note clamp"><bdi>${model.description}</bdi></span>`}</th>
    <td><${Status} status=${model.status} /></td><td>${TYPES[model.type]}</td>
    <td><${Training} model=${model} /></td><td><${Refreshed} model=${model} /></td>
    <td class="number">${report ? count(report.totals.impressions) : "…"}</td>
    <td class="number">${report ? count(report.totals.conversions) : "…"}</td>
    <td class="number">${report ? percent(report.totals.conversionRate) : "…"}</td>
    <td class="number">${report ? html`${signedPercent(lift?.value)}${lift?.interval && html`<span class="note">${percentRange(lift.interval, signedPercent)}</span>`}` : "…"}</td>
    <td><time datetime=${model.updatedAt}>${model.updatedAt.slice(0, 10)}</time></td>
  </tr>`;
}

/** Figures of the models on the page, the last 30 days, as they come in; null where they could not be had. */
function useReports(models) {
  const [reports, setReports] = useState({});
  const ids = models.map((model) => `${model.id}/${model.snapshot?.version ?? 0}`).join();
  useEffect(() => {
    const away = new AbortController();
    const one = (model) => async () => {
      const report = await get(`models/${model.id}/report`, { days: 30 }, away.signal).catch(() => ({ totals: {} }));
      if (!away.signal.aborted) setReports((before) => ({ ...before, [model.id]: report }));
    };
    fewAtATime(models.map(one));
    return () => away.abort();
  }, [ids]);
  return reports;
}

function FirstModel() {
  return html`<${First} title="No AI model yet">
    <p>An AI model learns from your events which offer converts best, and ranks offers by it.</p>
    <${ForManagers} what="create a dataset and an AI model over it"><p>To begin:</p>
      <ol>
        <li><a href=${link("datasets", "new")}>Create a dataset</a>: where the displays and clicks of your offers lie.</li>
        <li><a href=${link("models", "new")}>Create an AI model</a> over it, and activate it.</li>
        <li>Watch it learn: its report shows rates and lift within seconds of the first events.</li>
      </ol><//>
  <//>`;
}
