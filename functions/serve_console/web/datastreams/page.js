// One datastream: how a page is pointed at it, whether it answers, and what came in.
import { html, useState } from "../view.js";
import { call, get } from "../api.js";
import { absolute, count, When } from "../figures.js";
import { Linked } from "../models/definition.js";
import { History } from "../parts/history.js";
import { Waiting } from "../parts/notice.js";
import { Page, Section } from "../parts/page.js";
import { Removal } from "../parts/removal.js";
import { DataTable } from "../parts/table.js";
import { useResource } from "../resource.js";
import { link } from "../router.js";
import { configuration, mayManage } from "../session.js";
import { Test } from "./test.js";

const CRUMBS = [["Data"], ["Datastreams", link("datastreams")]];
const REQUESTS = [
  { title: "When", value: (row) => row.at, show: (row) => html`<${When} at=${row.at} />` },
  { title: "Route", value: (row) => row.route, show: (row) => html`<code>${row.route}</code>` },
  { title: "Answer", number: true, value: (row) => row.status },
  ...["events", "stored", "untrusted", "capped", "propositions"].map((name) => ({ title: name.charAt(0).toUpperCase() + name.slice(1), number: true, value: (row) => row[name], show: (row) => count(row[name]) })),
  { title: "Why not", value: (row) => row.problem ?? "", show: (row) => row.problem ?? whyNot(row) },
];

/** What was not stored, and why, in words. */
const whyNot = ({ untrusted, capped }) =>
  [untrusted && `${count(untrusted)} without a valid token`, capped && `${count(capped)} above the cap of a visitor or address`].filter(Boolean).join("; ");

export default function DatastreamPage({ id }) {
  const found = useResource((signal) => call("GET", `datastreams/${encodeURIComponent(id)}`, { signal }), [id]);
  if (!found.data) return html`<${Page} title="Datastream" crumbs=${CRUMBS}><${Waiting} resource=${found} what="Datastream" /><//>`;
  const { data: datastream, etag } = found.data;
  const actions = mayManage() && html`<a class="button" href=${link("datastreams", datastream.id, "edit")}>Edit</a>
    <${Removal} kind="datastreams" what="datastream" users="decisions" id=${datastream.id} etag=${etag}>Pages that are configured with it are refused from then on. Its events stay in their dataset.<//>`;
  return html`<${Page} name=${datastream.name} crumbs=${CRUMBS} actions=${actions}>
    <${Snippet} datastream=${datastream} />
    <${Test} datastream=${datastream} />
    <${Requests} id=${datastream.id} />
    <${Section} id="definition" title="Definition"><dl class="facts">
      <div><dt>Id</dt><dd><code>${datastream.id}</code></dd></div>
      <div><dt>Organisation id</dt><dd><code>${datastream.orgId}</code></dd></div>
      <div><dt>Events go to</dt><dd><${Linked} kind="datasets" id=${datastream.datasetId} /></dd></div>
      <div><dt>Decisions</dt><dd>${datastream.decisionIds.length ? html`<ul>${datastream.decisionIds.map((one) => html`<li><${Linked} kind="decisions" id=${one} /></li>`)}</ul>` : "none"}</dd></div>
      <div><dt>Origins</dt><dd>${datastream.origins.length ? html`<ul>${datastream.origins.map((one) => html`<li><code>${one}</code></li>`)}</ul>` : "none: apps and servers only"}</dd></div>
      <div><dt>Tokens</dt><dd>${datastream.tokenMode}</dd></div>
      <div><dt>Answers as</dt><dd>${datastream.answerStyle}</dd></div>
      <div><dt>Changed</dt><dd>${absolute(datastream.updatedAt)}, version ${datastream.version}</dd></div>
    </dl><//>
    <${Section} id="history" title="History"><${History} key=${datastream.version} path="datastreams/${datastream.id}/history" /><//>
  <//>`;
}

function Snippet({ datastream }) {
  const [isCopied, setCopied] = useState(false);
  const text = snippet(datastream);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 3000);
  };
  return html`<${Section} id="snippet" title="Point the Web SDK here" hint="In the page, where Adobe's Web SDK is configured. Nothing else changes."
    aside=${html`<button type="button" onClick=${copy}>Copy</button><span class="sr-only" role="status">${isCopied && "Copied"}</span>`}>
    <pre class="snippet" tabindex="0" aria-label="Snippet"><code>${text}</code></pre>
    ${isCopied && html`<p class="hint" aria-hidden="true">Copied.</p>`}
    ${edge()?.protocol === "http:" && html`<p class="hint">The Web SDK speaks https only: on one machine a page reaches this through a TLS listener.</p>`}
  <//>`;
}

const edge = () => (configuration.edgeUrl ? new URL(configuration.edgeUrl) : null);

/** edgeDomain takes a host only, edgeBasePath the path; without the third-party setting the first call goes to Adobe. */
function snippet({ id, orgId }) {
  const at = edge();
  const settings = {
    datastreamId: id,
    orgId,
    edgeDomain: at?.host ?? "<host of the output EdgeUrl>",
    edgeBasePath: at ? at.pathname.replace(/^\/|\/$/g, "") : "ee",
    thirdPartyCookiesEnabled: false,
    idMigrationEnabled: false,
  };
  const lines = Object.entries(settings).map(([name, value]) => `  ${name}: ${JSON.stringify(value)},`);
  return `alloy("configure", {\n${lines.join("\n")}\n});`;
}

function Requests({ id }) {
  const found = useResource((signal) => get(`datastreams/${id}/requests`, {}, signal), [id], { every: 5000 });
  return html`<${Section} id="requests" title="Last requests" hint="What came in of late, what was stored, and why the rest was not. It lags some seconds behind.">
    <${Waiting} resource=${found} what="Last requests" />
    ${found.data && html`<${DataTable} caption="Last requests" columns=${REQUESTS} rows=${found.data.results} empty="Nothing has come in yet." />`}
  <//>`;
}
