// Creating a dataset, and editing one; its location never changes.
import { html } from "../view.js";
import { Editor, useEditor } from "../parts/editor.js";
import { Field, FormProblem, Group } from "../parts/field.js";
import { readJson } from "../parts/form.js";
import { Section } from "../parts/page.js";
import { link } from "../router.js";

const BUILT_IN = "experience-event-proposition-interactions";
const BLANK = { name: "", description: "", schemaOf: "built-in", schema: "", isManaged: true, bucket: "", prefix: "", mapping: "" };
const POINTERS = ["/name", "/description", "/schema", "/bucket", "/prefix", "/mapping"];
const LABELS = { name: "Name", description: "Description", schema: "Schema", mapping: "Mapping" };

export default function DatasetForm({ id }) {
  const crumbs = [["Data"], ["Datasets", link("datasets")], ...(id ? [["Dataset", link("datasets", id)]] : []), [id ? "Edit" : "Create"]];
  return html`<${Editor} kind="datasets" id=${id} blank=${BLANK} title=${id ? "Edit dataset" : "Create dataset"} crumbs=${crumbs} form=${Form} />`;
}

function Form({ kind, id, before, etag, reload }) {
  const initial = id ? { ...BLANK, name: before.name, description: before.description ?? "", schemaOf: "unchanged", mapping: shown(before.mapping) } : BLANK;
  const editor = useEditor({ kind, id, etag, reload, initial, body: id ? edit : created, labels: LABELS });
  const { values, change, errors } = editor;
  const submit = (event) => {
    event.preventDefault();
    if (id) editor.save();
    else editor.create("The dataset is created. What lies there already is being counted.");
  };
  const type = (name) => (event) => change({ [name]: event.target.value });
  return html`<form class="form" onSubmit=${submit} noValidate>
      <${FormProblem} problem=${editor.problem} known=${POINTERS} />
      <${Section} id="basics" title="Basics">
        <${Field} label="Name" pointer="/name" required errors=${errors}>${(field) => html`<input ...${field} value=${values.name} dir="auto" maxlength="255" autocomplete="off" onInput=${type("name")} />`}<//>
        <${Field} label="Description" pointer="/description" errors=${errors}>${(field) => html`<textarea ...${field} rows="2" dir="auto" maxlength="2000" value=${values.description} onInput=${type("description")}></textarea>`}<//>
      <//>
      <${Schema} values=${values} change=${change} errors=${errors} isNew=${!id} />
      ${!id && html`<${Location} values=${values} change=${change} errors=${errors} />`}
      <${Section} id="mapping-title" title="Mapping" hint="Only where fields are named otherwise than in XDM.">
        <${Field} label="Mapping, as JSON" pointer="/mapping" errors=${errors} hint='Keys joined by dots, such as {"offer": "columns.offer_id", "timestamp": "at"}'>${(field) => html`<textarea ...${field} rows="3" spellcheck=${false} value=${values.mapping} onInput=${type("mapping")}></textarea>`}<//>
      <//>
      <div class="actions sticky"><a class="button" href=${id ? link("datasets", id) : link("datasets")} onClick=${editor.forget}>Cancel</a>
        <button type="submit" class="primary" disabled=${editor.isBusy}>Save</button></div>
    </form>${editor.overtaken}`;
}

function Schema({ values, change, errors, isNew }) {
  const option = (value, text, note) => html`<label class="option"><input type="radio" name="schemaOf" checked=${values.schemaOf === value} onChange=${() => change({ schemaOf: value })} /><span>${text}<span class="note">${note}</span></span></label>`;
  return html`<${Section} id="schema-title" title="Schema" hint="Models may learn from a dataset only when its schema has the field group “Experience Event - Proposition Interactions”.">
    <${Group} label="Schema of the events" pointer="/schema" required errors=${errors}>
      ${!isNew && option("unchanged", "As it is", "The field groups stay.")}
      ${option("built-in", "Experience events with proposition interactions", "Built in, eligible.")}
      ${option("own", "A schema of your own", "An XDM schema document, from which the field groups are read.")}
    <//>
    ${values.schemaOf === "own" && html`<div class="field"><label for="own-schema">XDM schema, as JSON</label>
      <textarea id="own-schema" rows="8" spellcheck=${false} value=${values.schema} onInput=${(event) => change({ schema: event.target.value })}></textarea></div>`}
  <//>`;
}

function Location({ values, change, errors }) {
  const option = (isManaged, text, note) => html`<label class="option"><input type="radio" name="location" checked=${values.isManaged === isManaged} onChange=${() => change({ isManaged })} /><span>${text}<span class="note">${note}</span></span></label>`;
  return html`<${Section} id="location-title" title="Location" hint="It never changes afterwards.">
    <fieldset class="field"><legend>Where the events lie</legend>
      ${option(true, "A folder of this deployment", "Made for you; datastreams write there too.")}
      ${option(false, "A bucket of yours", "One that this deployment may read. What lies there already is counted from the start.")}</fieldset>
    ${!values.isManaged && html`<div class="two">
      <${Field} label="Bucket" pointer="/bucket" required errors=${errors}>${(field) => html`<input ...${field} value=${values.bucket} onInput=${(event) => change({ bucket: event.target.value })} />`}<//>
      <${Field} label="Prefix" pointer="/prefix" required errors=${errors} hint="Ends in a slash.">${(field) => html`<input ...${field} value=${values.prefix} onInput=${(event) => change({ prefix: event.target.value })} />`}<//>
    </div>`}
  <//>`;
}

const shown = (mapping) => (Object.keys(mapping ?? {}).length ? JSON.stringify(mapping, null, 2) : "");

function created(values) {
  const place = values.isManaged ? {} : { bucket: values.bucket, prefix: values.prefix };
  return { ...edit(values), ...place };
}

function edit({ name, description, schemaOf, schema, mapping }) {
  const kept = { "built-in": () => ({ schema: BUILT_IN }), own: () => ({ schema: readJson(schema, "/schema") }), unchanged: () => ({}) };
  return { name, description: description || null, ...kept[schemaOf](), mapping: mapping.trim() ? readJson(mapping, "/mapping") : {} };
}
