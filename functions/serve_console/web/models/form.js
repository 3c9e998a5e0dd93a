// Creating an AI model, and editing one.
import { html, useEffect, useState } from "../view.js";
import { all, call, pages, Problem } from "../api.js";
import { useSettled } from "../parts/form.js";
import { Editor, useEditor } from "../parts/editor.js";
import { Field, FormProblem, Group } from "../parts/field.js";
import { Choice } from "../parts/choice.js";
import { folded } from "../parts/folding.js";
import { Failure } from "../parts/notice.js";
import { Section } from "../parts/page.js";
import { plural } from "../figures.js";
import { useResource } from "../resource.js";
import { link } from "../router.js";
import { Metric, useSummaries } from "./metric.js";
import { Settings } from "./settings.js";
import { TYPES } from "./status.js";

const BLANK = { name: "", description: "", type: "auto-optimization", datasetIds: [], audiences: [], contextKeys: [], settings: { windowDays: 30, halfLifeDays: null, randomShare: 0.05, exploration: 1 } };
const POINTERS = ["/name", "/description", "/type", "/datasetIds", "/audiences", "/contextKeys", "/settings/windowDays", "/settings/halfLifeDays", "/settings/randomShare", "/settings/exploration"];
const LABELS = { name: "Name", description: "Description", datasetIds: "Datasets", audiences: "Audiences", contextKeys: "Context keys", settings: "Settings" };
const MOST_AUDIENCES = 50;
const MOST_KEYS = 10;

export default function ModelForm({ id }) {
  return html`<${Editor} kind="models" id=${id} blank=${BLANK} title=${id ? "Edit AI model" : "Create AI model"} crumbs=${crumbs(id)} form=${Form} />`;
}

const crumbs = (id) => [["Components"], ["Ranking"], ["AI models", link("models")], ...(id ? [["Model", link("models", id)]] : []), [id ? "Edit" : "Create"]];

function Form({ kind, id, before, etag, reload }) {
  const editor = useEditor({ kind, id, etag, reload, initial: editable(before), body: id ? edited : sent, labels: LABELS });
  const { values, change, errors } = editor;
  const summaries = useSummaries(values.datasetIds);
  const activate = ({ id: made }) =>
    call("POST", `models/${made}/activate`).catch((refused) => {
      throw new Problem({ title: "Saved as a draft, but not activated", detail: refused.message });
    });
  const submit = (event) => {
    event.preventDefault();
    if (id) editor.save();
    else if (event.submitter?.value === "activate") editor.create("The AI model is live.", activate);
    else editor.create("The AI model is saved as a draft.");
  };
  return html`<form class="form" onSubmit=${submit} noValidate>
      <${FormProblem} problem=${editor.problem} known=${POINTERS} />
      <${Basics} values=${values} change=${change} errors=${errors} id=${id} own=${before.name} />
      <${Datasets} values=${values} change=${change} errors=${errors} />
      <${Metric} summaries=${summaries} isChosen=${values.datasetIds.length > 0} />
      ${values.type === "personalized" && html`<${Personalization} values=${values} change=${change} errors=${errors} summaries=${summaries} />`}
      <${Settings} settings=${values.settings} change=${(some) => change(({ settings }) => ({ settings: { ...settings, ...some } }))} errors=${errors} />
      <div class="actions sticky">
        <a class="button" href=${id ? link("models", id) : link("models")} onClick=${editor.forget}>Cancel</a>
        ${id ? html`<button type="submit" class="primary" disabled=${editor.isBusy}>Save</button>`
          : html`<button type="submit" value="save" disabled=${editor.isBusy}>Save</button><button type="submit" value="activate" class="primary" disabled=${editor.isBusy}>Save and activate</button>`}
      </div>
    </form>${editor.overtaken}`;
}

function Basics({ values, change, errors, id, own }) {
  return html`<${Section} id="basics" title="Basics">
    <${Field} label="Name" pointer="/name" required errors=${errors}>${(field) => html`<input ...${field} value=${values.name} dir="auto" maxlength="255" autocomplete="off" onInput=${(event) => change({ name: event.target.value })} />`}<//>
    <${NameCheck} name=${values.name} own=${own} id=${id} />
    <${Field} label="Description" pointer="/description" errors=${errors}>${(field) => html`<textarea ...${field} rows="2" dir="auto" maxlength="2000" value=${values.description ?? ""} onInput=${(event) => change({ description: event.target.value })}></textarea>`}<//>
    ${id ? html`<p class="hint">Type: ${TYPES[values.type]}. It never changes.</p>` : html`<${Types} type=${values.type} change=${change} errors=${errors} />`}
  <//>`;
}

function Types({ type, change, errors }) {
  const option = (value, text) => html`<label class="option"><input type="radio" name="type" checked=${type === value} onChange=${() => change({ type: value })} /><span>${TYPES[value]}<span class="note">${text}</span></span></label>`;
  return html`<${Group} label="Type" pointer="/type" required errors=${errors}>
    ${option("auto-optimization", "Learns which offers convert best for everybody. Needs the fewest events.")}
    ${option("personalized", "Learns also for whom: by the audiences and the context that you choose.")}
  <//>`;
}

/** Whether the name is free, asked while it is typed; the API decides once more when the form is sent. */
function NameCheck({ name, own, id }) {
  const settled = useSettled(name.trim());
  const [taken, setTaken] = useState(null);
  useEffect(() => {
    setTaken(null);
    if (!settled || settled === own) return undefined;
    const away = new AbortController();
    isTaken(settled, id, away.signal).then(setTaken, () => {}); // where it fails, only the API's own check remains
    return () => away.abort();
  }, [settled]);
  return html`<p class=${taken ? "field-error name-check" : "hint name-check"} role="status">${taken === true ? "Another AI model has this name." : taken === false ? "This name is free." : ""}</p>`;
}

/** The API finds names that have this one in them; it may stand on any of their pages. */
async function isTaken(name, id, signal) {
  for await (const models of pages("models", { name }, signal)) {
    if (models.some((one) => folded(one.name) === folded(name) && one.id !== id)) return true;
  }
  return false;
}

function Datasets({ values, change, errors }) {
  const datasets = useResource((signal) => all("datasets", {}, signal), []);
  if (datasets.error && !datasets.data) return html`<${Failure} error=${datasets.error} retry=${datasets.reload} />`;
  const options = (datasets.data ?? [])
    .toSorted((left, right) => right.eligible - left.eligible)
    .map((one) => ({ value: one.id, label: one.name, note: one.description, why: one.eligible ? null : `Cannot be chosen: ${one.reason}` }));
  return html`<${Section} id="datasets-title" title="Datasets" hint="Where the displays and clicks lie from which the model learns. Only datasets whose schema has “Experience Event - Proposition Interactions” can be chosen.">
    <${Group} label="Datasets to learn from" pointer="/datasetIds" required errors=${errors}>
      ${datasets.data && !options.some((one) => !one.why) && html`<p>There is no dataset that can be chosen yet. <a href=${link("datasets", "new")}>Create a dataset</a>; what you typed here is kept.</p>`}
      ${!datasets.data && html`<p class="waiting">Loading …</p>`}
      <${Choice} id="datasets" options=${options} chosen=${values.datasetIds} onChange=${(datasetIds) => change({ datasetIds })} most=${20} searchLabel="Search datasets" />
    <//>
  <//>`;
}

function Personalization({ values, change, errors, summaries }) {
  const audiences = summaries.audiences.map(({ value, displays }) => ({ value, label: value, note: plural(displays, "display") }));
  const keys = summaries.contextKeys.map(({ key, values: n, displays }) => ({ value: key, label: key, note: `${plural(n, "value")}, ${plural(displays, "display")}` }));
  return html`<${Section} id="personalization" title="Personalization" hint="For whom it learns apart. Those seen in the chosen datasets in the last 14 days are listed, most displays first; others can be typed.">
    <${Group} label="Audiences (${values.audiences.length} of at most ${MOST_AUDIENCES})" pointer="/audiences" errors=${errors}>
      <${Choice} id="audiences" options=${audiences} chosen=${values.audiences} onChange=${(some) => change({ audiences: some })} most=${MOST_AUDIENCES} typed="Another audience" searchLabel="Search audiences" />
    <//>
    <${Group} label="Context keys (${values.contextKeys.length} of at most ${MOST_KEYS})" pointer="/contextKeys" errors=${errors} hint="Such as xdm.device.type: where in an event a value lies that may matter.">
      <${Choice} id="context" options=${keys} chosen=${values.contextKeys} onChange=${(some) => change({ contextKeys: some })} most=${MOST_KEYS} typed="Another context key" searchLabel="Search context keys" />
    <//>
  <//>`;
}

const editable = ({ name, description, type, datasetIds, audiences, contextKeys, settings }) => ({ name, description: description ?? "", type, datasetIds, audiences, contextKeys, settings });

/** What a new model is made of: an auto-optimization model has no audiences, whatever was chosen on the way. */
function sent({ audiences, contextKeys, description, ...rest }) {
  return { ...rest, description: description || null, ...(rest.type === "personalized" ? { audiences, contextKeys } : {}) };
}

function edited(values) {
  const { type, ...rest } = sent(values);
  return rest;
}
