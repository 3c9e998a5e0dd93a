// "What if?": what another policy would have earned, estimated from the model's own log.
import { html, useState } from "../view.js";
import { all, call } from "../api.js";
import { absolute, count, number, percent, percentRange } from "../figures.js";
import { Field, FormProblem, Group } from "../parts/field.js";
import { useAction } from "../parts/form.js";
import { Notice } from "../parts/notice.js";
import { Section } from "../parts/page.js";
import { DataTable } from "../parts/table.js";
import { useResource } from "../resource.js";
import { Settings } from "./settings.js";

const POLICIES = [
  ["priority", "A fixed order", "the first of your list that may be shown, always"],
  ["uniform", "Pure chance", "every offer equally often"],
  ["current", "This model as it ranks now", "what it knows by now, had it known it then"],
  ["model", "Another AI model", "as it ranks now"],
  ["settings", "This model with other settings", "fitted anew from the same counts"],
];
const POINTERS = ["/target/order", "/target/modelId", "/target/settings", "/target/policy"];
const METHODS = [["doublyRobust", "Doubly robust"], ["selfNormalised", "Self-normalised weights"], ["inversePropensity", "Inverse propensity"]];
const COLUMNS = [
  { title: "Estimated by", value: (row) => row.label },
  { title: "Rate", number: true, value: (row) => row.value, show: (row) => percent(row.value) },
  { title: "Interval of the rate", number: true, value: (row) => row.interval && percentRange(row.interval) },
  { title: "Times what was earned", number: true, value: (row) => row.ratio, show: (row) => number(row.ratio) },
  { title: "Interval of that", number: true, value: (row) => row.ratioInterval && `${number(row.ratioInterval[0])} to ${number(row.ratioInterval[1])}` },
];

export function Evaluation({ model }) {
  const [policy, setPolicy] = useState("priority");
  const [values, setValues] = useState({ order: "", modelId: "", settings: model.settings });
  const [found, setFound] = useState(null);
  const { problem, isBusy, run } = useAction();
  const errors = problem?.errors ?? [];
  const change = (some) => setValues((before) => ({ ...before, ...some }));
  const compare = (event) => {
    event.preventDefault();
    run(async () => setFound((await call("POST", `models/${model.id}/evaluate`, { body: { target: targetOf(policy, values) } })).data));
  };
  return html`<${Section} id="comparison" title="What if?" hint="Since every ranking kept how probable it was, the log itself tells what another policy would have earned with the same visitors.">
    <form class="form narrow" onSubmit=${compare} noValidate>
      <${FormProblem} problem=${problem} known=${POINTERS} />
      <${Group} label="Instead of what was shown" pointer="/target/policy" required errors=${errors}>
        ${POLICIES.map(([key, text, note]) => html`<label class="option"><input type="radio" name="policy" checked=${policy === key} onChange=${() => setPolicy(key)} /><span>${text}<span class="note">${note}</span></span></label>`)}
      <//>
      ${policy === "priority" && html`<${Field} label="Order of the offers, one a line, first the first" pointer="/target/order" required errors=${errors}>${(field) => html`<textarea ...${field} rows="5" value=${values.order} onInput=${(event) => change({ order: event.target.value })}></textarea>`}<//>`}
      ${policy === "model" && html`<${OtherModel} own=${model.id} value=${values.modelId} errors=${errors} onChange=${(modelId) => change({ modelId })} />`}
      ${policy === "settings" && html`<${Settings} settings=${values.settings} errors=${errors.map((one) => ({ ...one, pointer: one.pointer.replace("/target", "") }))} change=${(some) => setValues((before) => ({ ...before, settings: { ...before.settings, ...some } }))} />`}
      <div class="actions"><button type="submit" class="primary" disabled=${isBusy}>${isBusy ? "Reading the log …" : "Compare"}</button></div>
    </form>
    <div aria-live="polite">${found && html`<${Compared} found=${found} />`}</div>
  <//>`;
}

function OtherModel({ own, value, errors, onChange }) {
  const models = useResource((signal) => all("models", {}, signal), []);
  return html`<${Field} label="AI model" pointer="/target/modelId" required errors=${errors}>${(field) => html`<select ...${field} value=${value} onChange=${(event) => onChange(event.target.value)}>
    <option value="">Choose</option>${(models.data ?? []).filter((one) => one.id !== own).map((one) => html`<option value=${one.id}>${one.name}</option>`)}</select>`}<//>`;
}

function targetOf(policy, { order, modelId, settings }) {
  if (policy === "priority") return { policy, order: order.split("\n").map((one) => one.trim()).filter(Boolean) };
  if (policy === "model") return { policy, modelId };
  return policy === "settings" ? { policy, settings } : { policy };
}

function Compared({ found }) {
  const rows = METHODS.map(([key, label]) => ({ label, ...found[key] }));
  const best = found.doublyRobust;
  return html`
    ${found.enoughData ? html`<${Notice} kind="good" title="Estimate"><p>It would have earned ${percent(best.value)} (${percentRange(best.interval)}), ${number(best.ratio)} times the ${percent(found.logging.value)} that were earned.</p><//>`
      : html`<${Notice} kind="warning" title="Too few records to rely on"><p>What was shown and what this policy would show have too little in common so far, or there are too few conversions. Let the model run on, or give it a larger random share.</p><//>`}
    <${DataTable} caption="Comparison with another policy" columns=${COLUMNS} rows=${rows} />
    <p class="hint">From ${count(found.records)} rankings${found.log.firstAt ? `, ${absolute(found.log.firstAt)} to ${absolute(found.log.lastAt)}` : ""}; they say as much as ${number(found.effectiveSampleSize)} rankings of that policy itself.${found.log.isWhole ? "" : " Only the newest part of the log was read."}</p>`;
}
