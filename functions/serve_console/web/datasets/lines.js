// Objects of a dataset with what became of their lines, and lines that were refused.
import { html, useState } from "../view.js";
import { get } from "../api.js";
import { count } from "../figures.js";
import { Waiting } from "../parts/notice.js";
import { Section } from "../parts/page.js";
import { DataTable } from "../parts/table.js";
import { REFUSALS } from "../report/accounting.js";
import { useResource } from "../resource.js";

const STATES = [["", "Any"], ["live", "Live"], ["deleted", "Deleted"], ["bad", "Unreadable"], ["unread", "Not read yet"]];
const sum = (row) => Object.values(row.refused).reduce((total, n) => total + n, 0);
const OBJECTS = [
  { title: "Object", value: (row) => row.key, show: (row) => html`<code>${row.key}</code>` },
  { title: "State", value: (row) => row.state, show: (row) => html`${row.state}${row.reason && html`<span class="note">${row.reason}</span>`}` },
  ...["received", "counted", "duplicate", "other", "late"].map((name) => ({ title: name.charAt(0).toUpperCase() + name.slice(1), number: true, value: (row) => row[name], show: (row) => count(row[name]) })),
  { title: "Refused", number: true, value: sum, show: (row) => html`${count(sum(row))}${Object.entries(row.refused).map(([reason, n]) => html`<span class="note">${reason}: ${count(n)}</span>`)}` },
];
const LINES = [
  { title: "Reason", value: (row) => row.reason, show: (row) => html`${row.reason}<span class="note">${REFUSALS[row.reason]}</span>` },
  { title: "Object", value: (row) => row.object, show: (row) => html`<code>${row.object}</code>` },
  { title: "Line", number: true, value: (row) => row.line, show: (row) => count(row.line) },
  { title: "What it held", value: (row) => row.text, show: (row) => html`<code><bdi>${row.text}</bdi></code>` },
];

/** A list that the API pages forward, gathered as far as somebody wants to see. */
function useMore(path, query, field) {
  const [pages, setPages] = useState(1);
  const found = useResource(async (signal) => {
    const rows = [];
    let start;
    for (let n = 0; n < pages; n += 1) {
      const page = await get(path, { ...query, limit: 200, start }, signal);
      rows.push(...page[field]);
      start = page.next;
      if (!start) break;
    }
    return { rows, hasMore: Boolean(start) };
  }, [path, JSON.stringify(query), pages]);
  return { found, more: found.data?.hasMore && html`<p><button type="button" onClick=${() => setPages(pages + 1)}>Load more</button></p>` };
}

export function Objects({ id }) {
  const [state, setState] = useState("");
  const { found, more } = useMore(`datasets/${id}/accounting`, { state }, "objects");
  const choose = html`<label>State <select value=${state} onChange=${(event) => setState(event.target.value)}>${STATES.map(([value, text]) => html`<option value=${value}>${text}</option>`)}</select></label>`;
  return html`<${Section} id="objects" title="Objects" hint="Every line read ends as counted, duplicate, other, late or refused." aside=${choose}>
    <${Waiting} resource=${found} what="Objects" />
    ${found.data && html`<${DataTable} caption="Objects" columns=${OBJECTS} rows=${found.data.rows} rowKey=${(row) => row.key} search=${(row) => row.key} searchLabel="Search objects" />${more}`}
  <//>`;
}

export function Refused({ id }) {
  const [reason, setReason] = useState("");
  const { found, more } = useMore(`datasets/${id}/refused`, { reason }, "lines");
  const choose = html`<label>Reason <select value=${reason} onChange=${(event) => setReason(event.target.value)}><option value="">Any</option>${Object.keys(REFUSALS).map((one) => html`<option value=${one}>${one}</option>`)}</select></label>`;
  return html`<${Section} id="refused" title="Refused lines" hint="The first hundred of each object are kept, without what names a person." aside=${choose}>
    <${Waiting} resource=${found} what="Refused lines" />
    ${found.data && html`<${DataTable} caption="Refused lines" columns=${LINES} rows=${found.data.rows} rowKey=${(row) => `${row.object}:${row.line}`} empty="No line was refused." />${more}`}
  <//>`;
}
