// One AI model: what it earns, what it learns from, why it shows what it shows, what others would earn.
import { html } from "../view.js";
import { call } from "../api.js";
import { History } from "../parts/history.js";
import { Waiting } from "../parts/notice.js";
import { Page, Parts } from "../parts/page.js";
import { Report } from "../report/report.js";
import { useResource } from "../resource.js";
import { link } from "../router.js";
import { mayManage } from "../session.js";
import { Actions } from "./actions.js";
import { Definition } from "./definition.js";
import { Evaluation } from "./evaluation.js";
import { Readiness } from "./readiness.js";
import { Receipt } from "./receipt.js";
import { Refreshed, Status, Training, TYPES } from "./status.js";

const EVERY_MS = 3000;
const PARTS = [["", "Report"], ["readiness", "Readiness"], ["receipt", "Why this offer?"], ["comparison", "What if?"], ["definition", "Definition"], ["history", "History"]];
const CRUMBS = [["Components"], ["Ranking"], ["AI models", link("models")]];

export default function ModelPage({ id, part = "" }) {
  const found = useResource((signal) => call("GET", `models/${encodeURIComponent(id)}`, { signal }), [id], { every: EVERY_MS });
  if (!found.data) return html`<${Page} title="AI model" crumbs=${CRUMBS}><${Waiting} resource=${found} what="AI model" /><//>`;
  const { data: model, etag } = found.data;
  const actions = mayManage() && html`<${Actions} model=${model} etag=${etag} reload=${found.reload} />`;
  return html`<${Page} name=${model.name} crumbs=${CRUMBS} actions=${actions}>
    <p class="facts-line"><${Status} status=${model.status} /> <span>${TYPES[model.type]}</span> <${Training} model=${model} />
      <span>Last refresh: <${Refreshed} model=${model} />${model.snapshot && html` <span class="note inline">snapshot ${model.snapshot.version}</span>`}</span></p>
    ${model.description && html`<p class="description"><bdi>${model.description}</bdi></p>`}
    <${Waiting} resource=${found} what="AI model" />
    <${Parts} label="Parts of this AI model" current=${part} parts=${PARTS.map(([key, text]) => [key, text, key ? link("models", model.id, key) : link("models", model.id)])} />
    <${View} part=${part} model=${model} />
  <//>`;
}

function View({ part, model }) {
  switch (part) {
    case "readiness":
      return html`<${Readiness} model=${model} />`;
    case "receipt":
      return html`<${Receipt} model=${model} />`;
    case "comparison":
      return html`<${Evaluation} model=${model} />`;
    case "definition":
      return html`<${Definition} model=${model} />`;
    case "history":
      return html`<${History} key=${model.version} path="models/${model.id}/history" />`;
    default:
      return html`<${Report} model=${model} every=${EVERY_MS} />`;
  }
}
