// One dataset: what lies in it, what became of it, and what was refused.
import { html, useState } from "../view.js";
import { call, get } from "../api.js";
import { absolute, count } from "../figures.js";
import { useAction } from "../parts/form.js";
import { Failure, Notice, Waiting } from "../parts/notice.js";
import { Page, Parts, Section } from "../parts/page.js";
import { Removal } from "../parts/removal.js";
import { DataTable } from "../parts/table.js";
import { Linked } from "../models/definition.js";
import { Accounting } from "../report/accounting.js";
import { useResource } from "../resource.js";
import { link } from "../router.js";
import { mayManage } from "../session.js";
import { Backfill } from "./backfill.js";
import { Eligible } from "./list.js";
import { Objects, Refused } from "./lines.js";

const PARTS = [["", "Overview"], ["objects", "Accounting"], ["refused", "Refused lines"]];
const CRUMBS = [["Data"], ["Datasets", link("datasets")]];

export default function DatasetPage({ id, part = "" }) {
  const found = useResource((signal) => call("GET", `datasets/${encodeURIComponent(id)}`, { signal }), [id], { every: 10_000 });
  if (!found.data) return html`<${Page} title="Dataset" crumbs=${CRUMBS}><${Waiting} resource=${found} what="Dataset" /><//>`;
  const { data: dataset, etag } = found.data;
  const actions = mayManage() && html`<a class="button" href=${link("datasets", dataset.id, "edit")}>Edit</a>
    <${Removal} kind="datasets" what="dataset" users="models" id=${dataset.id} etag=${etag}>Its objects in S3 stay where they are; what was counted of them is forgotten.<//>`;
  return html`<${Page} name=${dataset.name} crumbs=${CRUMBS} actions=${actions}>
    <p class="facts-line"><${Eligible} dataset=${dataset} /> <code>s3://${dataset.bucket}/${dataset.prefix}</code></p>
    ${dataset.description && html`<p class="description"><bdi>${dataset.description}</bdi></p>`}
    <${Parts} label="Parts of this dataset" current=${part} parts=${PARTS.map(([key, text]) => [key, text, key ? link("datasets", dataset.id, key) : link("datasets", dataset.id)])} />
    ${part === "objects" ? html`<${Objects} id=${dataset.id} />` : part === "refused" ? html`<${Refused} id=${dataset.id} />` : html`<${Overview} dataset=${dataset} />`}
  <//>`;
}

function Overview({ dataset }) {
  const summary = useResource((signal) => get(`datasets/${dataset.id}/summary`, { days: 14 }, signal), [dataset.id], { every: 5000 });
  const account = useResource((signal) => get(`datasets/${dataset.id}/accounting`, { limit: 1 }, signal), [dataset.id], { every: 5000 });
  const links = (kind, ids) => (ids.length ? html`<ul>${ids.map((one) => html`<li><${Linked} kind=${kind} id=${one} /></li>`)}</ul>` : "none");
  return html`
    ${!dataset.discovered && html`<${Notice} kind="info" role="status">What lay there already is on its way to be counted.<//>`}
    <${Waiting} resource=${summary} what="Summary" />
    ${summary.data && html`<${Summary} summary=${summary.data} />`}
    ${mayManage() && html`<${Check} id=${dataset.id} /><${Backfill} id=${dataset.id} />`}
    ${account.data && html`<${Accounting} accounting=${account.data.accounting} />${account.data.pending && html`<p class="hint">More objects are known whose lines are not in it yet.</p>`}`}
    <${Section} id="definition" title="Definition"><dl class="facts">
      <div><dt>Id</dt><dd><code>${dataset.id}</code></dd></div>
      <div><dt>Field groups</dt><dd>${dataset.fieldGroups.length ? dataset.fieldGroups.map((one) => html`<code>${one}</code> `) : "none"}</dd></div>
      <div><dt>Mapping</dt><dd>${Object.entries(dataset.mapping ?? {}).map(([name, path]) => html`<code>${name} = ${path}</code> `)}${!Object.keys(dataset.mapping ?? {}).length && "none: as in XDM"}</dd></div>
      <div><dt>AI models that learn from it</dt><dd>${links("models", dataset.usedBy)}</dd></div>
      <div><dt>Datastreams that write to it</dt><dd>${links("datastreams", dataset.datastreams)}</dd></div>
      <div><dt>Created</dt><dd>${absolute(dataset.createdAt)}</dd></div>
    </dl><//>`;
}

const AUDIENCES = [
  { title: "Audience", value: (row) => row.value, show: (row) => html`<bdi class="name">${row.value}</bdi>` },
  { title: "Displays", number: true, value: (row) => row.displays, show: (row) => count(row.displays) },
];
const KEYS = [
  { title: "Context key", value: (row) => row.key, show: (row) => html`<bdi class="name">${row.key}</bdi>` },
  { title: "Values", number: true, value: (row) => row.values, show: (row) => count(row.values) },
  { title: "Displays", number: true, value: (row) => row.displays, show: (row) => count(row.displays) },
];

function Summary({ summary }) {
  return html`<dl class="cards">
      <div><dt>Displays, 14 days</dt><dd>${count(summary.displays)}</dd></div><div><dt>Clicks, 14 days</dt><dd>${count(summary.interacts)}</dd></div>
      <div><dt>Offers</dt><dd>${count(summary.offers)}</dd></div><div><dt>Objects</dt><dd>${count(summary.objects)}</dd></div>
      <div><dt>Last event</dt><dd class="small">${summary.lastEventAt ? absolute(summary.lastEventAt) : "none yet"}</dd></div>
    </dl>
    ${summary.audiences.length > 0 && html`<${Section} id="audiences" title="Audiences seen"><${DataTable} caption="Audiences seen" columns=${AUDIENCES} rows=${summary.audiences} search=${(row) => row.value} searchLabel="Search audiences" /><//>`}
    ${summary.contextKeys.length > 0 && html`<${Section} id="context" title="Context keys seen"><${DataTable} caption="Context keys seen" columns=${KEYS} rows=${summary.contextKeys} /><//>`}`;
}

/** Reads a sample, now. */
function Check({ id }) {
  const [sample, setSample] = useState(null);
  const { problem, isBusy, run } = useAction();
  const check = () => run(async () => setSample((await call("POST", `datasets/${id}/check`)).data));
  const refused = Object.entries(sample?.refused ?? {});
  return html`<${Section} id="check" title="Check" hint="Reads a sample of what lies there, and says what its lines are."
    aside=${html`<button type="button" onClick=${check} disabled=${isBusy}>${isBusy ? "Reading …" : "Check a sample"}</button>`}>
    ${problem && html`<${Failure} error=${problem} retry=${check} />`}
    <div aria-live="polite">${sample && html`<p>${count(sample.lines)} lines of ${count(sample.objects)} objects: <strong>${count(sample.displays)} displays, ${count(sample.interacts)} clicks</strong>, ${count(sample.other)} other, ${count(sample.late)} late, ${count(refused.reduce((sum, [, n]) => sum + n, 0))} refused${sample.unreadable ? `; ${count(sample.unreadable)} objects are no lines at all` : ""}.</p>
      ${refused.length > 0 && html`<ul class="notes">${refused.map(([reason, n]) => html`<li>${count(n)} refused: ${reason}</li>`)}</ul>`}`}</div>
  <//>`;
}
