// Counting what lies in a dataset and is not counted yet, many objects at a time.
import { html, useState } from "../view.js";
import { call, get } from "../api.js";
import { bytes, count, number } from "../figures.js";
import { useOnceKey } from "../parts/form.js";
import { Confirm } from "../parts/dialog.js";
import { Waiting } from "../parts/notice.js";
import { Section } from "../parts/page.js";
import { useResource } from "../resource.js";

export function Backfill({ id }) {
  const [isAsked, setAsked] = useState(false);
  const [run, setRun] = useState(null);
  const { key, renew } = useOnceKey();
  const start = async () => {
    setRun((await call("POST", `datasets/${id}/backfills`, { key })).data.id);
    renew();
    setAsked(false);
  };
  return html`<${Section} id="backfill" title="Backfill" hint="Events that arrive are counted by themselves. A backfill counts years of them that lay there before, many objects at a time."
    aside=${html`<button type="button" onClick=${() => setAsked(true)}>Start a backfill</button>`}>
    ${run && html`<${Progress} id=${run} />`}
    ${isAsked && html`<${Confirm} title="Start a backfill?" label="Start" act=${start} onClose=${() => setAsked(false)}><p>It lists the dataset's folder and reads every object that is not counted yet. In AWS that costs something; the page shows how much.</p><//>`}
  <//>`;
}

function Progress({ id }) {
  const [isOver, setOver] = useState(false);
  const found = useResource(async (signal) => {
    const backfill = await get(`backfills/${id}`, {}, signal);
    if (backfill.status !== "running") setOver(true);
    return backfill;
  }, [id, isOver], { every: isOver ? 0 : 1500 });
  if (!found.data) return html`<${Waiting} resource=${found} what="Backfill" />`;
  const { status, error, progress, cost } = found.data;
  const { objects } = progress;
  return html`<div role="status">
    <p><span class="badge ${status === "succeeded" ? "success" : status === "failed" ? "failed" : "in-progress"}">${status}</span> ${error && html`<span class="field-error">${error}</span>`}</p>
    <progress max=${Math.max(objects.listed, 1)} value=${objects.done} aria-label="Objects done"></progress>
    <p>${count(objects.done)} of ${count(objects.listed)} objects done, ${count(objects.failed)} failed, ${count(progress.unreadable)} unreadable; ${count(progress.counted)} lines counted, ${bytes(progress.bytes)} read. Costs ${number(cost.usd)} US$ by list prices.</p>
  </div>`;
}
