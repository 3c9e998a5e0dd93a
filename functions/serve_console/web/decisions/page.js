// One decision.
import { html } from "../view.js";
import { call } from "../api.js";
import { absolute } from "../figures.js";
import { Linked } from "../models/definition.js";
import { History } from "../parts/history.js";
import { Waiting } from "../parts/notice.js";
import { Page, Section } from "../parts/page.js";
import { Removal } from "../parts/removal.js";
import { useResource } from "../resource.js";
import { link } from "../router.js";
import { mayManage } from "../session.js";
import { OfferTable } from "./offers.js";

const CRUMBS = [["Offers"], ["Decisions", link("decisions")]];

export default function DecisionPage({ id }) {
  const found = useResource((signal) => call("GET", `decisions/${encodeURIComponent(id)}`, { signal }), [id]);
  if (!found.data) return html`<${Page} title="Decision" crumbs=${CRUMBS}><${Waiting} resource=${found} what="Decision" /><//>`;
  const { data: decision, etag } = found.data;
  const actions = mayManage() && html`<a class="button" href=${link("decisions", decision.id, "edit")}>Edit</a>
    <${Removal} kind="decisions" what="decision" users="datastreams" id=${decision.id} etag=${etag}>Pages that ask for it get nothing any more.<//>`;
  const { fallback, usedBy } = decision;
  return html`<${Page} name=${decision.name} crumbs=${CRUMBS} actions=${actions}>
    ${decision.description && html`<p class="description"><bdi>${decision.description}</bdi></p>`}
    <${Section} id="offers" title="Offers"><${OfferTable} offers=${decision.offers} /><//>
    <${Section} id="definition" title="Definition"><dl class="facts">
      <div><dt>Id</dt><dd><code>${decision.id}</code></dd></div>
      <div><dt>Ranked by</dt><dd>${decision.modelId ? html`<${Linked} kind="models" id=${decision.modelId} />` : "priority"}</dd></div>
      <div><dt>How many are shown</dt><dd>${decision.itemCount}</dd></div>
      <div><dt>Fallback</dt><dd><bdi class="name">${fallback.id}</bdi> <span class="note">${fallback.format}</span><span class="note clamp"><bdi>${fallback.content ?? fallback.deliveryURL}</bdi></span></dd></div>
      <div><dt>Activity and placement</dt><dd>${decision.activityId ? html`<code>${decision.activityId}</code> / <code>${decision.placementId}</code>` : "none: asked for by its name"}</dd></div>
      ${decision.surface && html`<div><dt>Surface</dt><dd><code>${decision.surface}</code></dd></div>`}
      <div><dt>Datastreams that serve it</dt><dd>${usedBy.length ? html`<ul>${usedBy.map((one) => html`<li><${Linked} kind="datastreams" id=${one} /></li>`)}</ul>` : "none"}</dd></div>
      <div><dt>Changed</dt><dd>${absolute(decision.updatedAt)}, version ${decision.version}</dd></div>
    </dl><//>
    <${Section} id="history" title="History"><${History} key=${decision.version} path="decisions/${decision.id}/history" /><//>
  <//>`;
}
