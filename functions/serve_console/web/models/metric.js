// What a model is to make higher: the formula, the two kinds of events in it, and how many of each there are.
import { html } from "../view.js";
import { get } from "../api.js";
import { count, percent } from "../figures.js";
import { Notice } from "../parts/notice.js";
import { Section } from "../parts/page.js";
import { useResource } from "../resource.js";

const DAYS = 14;

/** What the chosen datasets hold of the last 14 days, together: {isLoading, error, displays, interacts, audiences, contextKeys}. */
export function useSummaries(ids) {
  const each = useResource((signal) => Promise.all(ids.map((id) => get(`datasets/${id}/summary`, { days: DAYS }, signal))), [ids.join()]);
  const parts = each.data ?? [];
  const sum = (name) => parts.reduce((total, one) => total + one[name], 0);
  return {
    isLoading: !each.data && !each.error,
    error: each.error,
    displays: sum("displays"),
    interacts: sum("interacts"),
    audiences: gathered(parts.map((one) => one.audiences), "value", ["displays"]),
    contextKeys: gathered(parts.map((one) => one.contextKeys), "key", ["displays", "values"]),
  };
}

/** Entries of several datasets by their name, counts added, most displays first. */
function gathered(lists, name, counts) {
  const found = new Map();
  for (const one of lists.flat()) {
    const before = found.get(one[name]);
    const sums = counts.map((key) => [key, (before?.[key] ?? 0) + one[key]]);
    found.set(one[name], { [name]: one[name], ...Object.fromEntries(sums) });
  }
  return [...found.values()].toSorted((left, right) => right.displays - left.displays);
}

export function Metric({ summaries, isChosen }) {
  const { isLoading, error, displays, interacts } = summaries;
  const shown = (value) => (!isChosen ? "choose a dataset" : error ? "not known" : isLoading ? "…" : `${count(value)} in the last ${DAYS} days`);
  return html`<${Section} id="metric" title="Optimization metric">
    <p class="formula"><span>Conversion rate</span> = <span class="fraction"><span>conversions</span><span class="sr-only"> divided by </span><span>impressions</span></span></p>
    <dl class="facts">
      <div><dt>Impression event</dt><dd><code>decisioning.propositionDisplay</code><span class="note">an offer was displayed</span></dd><dd><span role="status">${shown(displays)}</span></dd></div>
      <div><dt>Conversion event</dt><dd><code>decisioning.propositionInteract</code><span class="note">an offer was clicked</span></dd><dd><span role="status">${shown(interacts)}</span></dd></div>
      ${isChosen && displays > 0 && html`<div><dt>Rate at present</dt><dd>${percent(interacts / displays)}</dd></div>`}
    </dl>
    ${isChosen && !isLoading && !error && displays === 0 && html`<${Notice} kind="info"><p>There are no events yet. The model can be saved and activated: it ranks at random until the first arrive, and then begins to learn.</p><//>`}
  <//>`;
}
