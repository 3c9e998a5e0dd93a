// What a model was told to do.
import { html } from "../view.js";
import { get } from "../api.js";
import { absolute, percent } from "../figures.js";
import { useResource } from "../resource.js";
import { link } from "../router.js";
import { TYPES } from "./status.js";

export function Definition({ model }) {
  const { settings } = model;
  return html`<dl class="facts definition">
    <div><dt>Id</dt><dd><code>${model.id}</code></dd></div>
    <div><dt>Type</dt><dd>${TYPES[model.type]}</dd></div>
    <div><dt>Optimization metric</dt><dd>Conversion rate = conversions / impressions</dd></div>
    <div><dt>Datasets</dt><dd><ul>${model.datasetIds.map((id) => html`<li><${Linked} kind="datasets" id=${id} /></li>`)}</ul></dd></div>
    ${model.type === "personalized" && html`<div><dt>Audiences</dt><dd>${list(model.audiences)}</dd></div><div><dt>Context keys</dt><dd>${list(model.contextKeys)}</dd></div>`}
    <div><dt>Decisions that use it</dt><dd>${model.usedBy.length ? html`<ul>${model.usedBy.map((id) => html`<li><${Linked} kind="decisions" id=${id} /></li>`)}</ul>` : "none"}</dd></div>
    <div><dt>Random share</dt><dd>${percent(settings.randomShare)}</dd></div>
    <div><dt>Window</dt><dd>${settings.windowDays === null ? "all time" : `${settings.windowDays} days`}</dd></div>
    <div><dt>Half-life</dt><dd>${settings.halfLifeDays === null ? "none: all events in the window count alike" : `${settings.halfLifeDays} days`}</dd></div>
    <div><dt>Exploration</dt><dd>${settings.exploration}</dd></div>
    <div><dt>Created</dt><dd>${absolute(model.createdAt)}</dd></div>
    <div><dt>Changed</dt><dd>${absolute(model.updatedAt)}, version ${model.version}</dd></div>
  </dl>`;
}

const list = (values) => (values.length ? html`<ul>${values.map((one) => html`<li><bdi class="name">${one}</bdi></li>`)}</ul>` : "none");

/** Another definition by its name; by its id until that is known. */
export function Linked({ kind, id }) {
  const found = useResource((signal) => get(`${kind}/${id}`, {}, signal), [kind, id]);
  return html`<a href=${link(kind, id)}><bdi class="name">${found.data?.name ?? id}</bdi></a>`;
}
