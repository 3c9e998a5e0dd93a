// Creating a datastream, and editing one.
import { html } from "../view.js";
import { all } from "../api.js";
import { Choice } from "../parts/choice.js";
import { Editor, useEditor } from "../parts/editor.js";
import { Field, FormProblem, Group } from "../parts/field.js";
import { Section } from "../parts/page.js";
import { useResource } from "../resource.js";
import { link } from "../router.js";

const BLANK = { name: "", orgId: "", datasetId: "", decisionIds: [], origins: "", tokenMode: "enforce", answerStyle: "EXD" };
const POINTERS = ["/name", "/orgId", "/datasetId", "/decisionIds", "/origins", "/tokenMode", "/answerStyle"];
const LABELS = { name: "Name", orgId: "Organisation id", datasetId: "Dataset", decisionIds: "Decisions", origins: "Origins", tokenMode: "Tokens", answerStyle: "Answers" };
const TOKENS = [["enforce", "Demand them", "Only events of what was really served here count."], ["observe", "Report what has none", "All events count; those without a valid token are reported."], ["off", "Off", "All events count."]];
const STYLES = [["EXD", "Decisioning (EXD)", "The page renders by itself: the classic offers."], ["AJO", "Journey Optimizer (AJO)", "The Web SDK renders, and tracks clicks by itself."]];

export default function DatastreamForm({ id }) {
  const crumbs = [["Data"], ["Datastreams", link("datastreams")], ...(id ? [["Datastream", link("datastreams", id)]] : []), [id ? "Edit" : "Create"]];
  return html`<${Editor} kind="datastreams" id=${id} blank=${BLANK} title=${id ? "Edit datastream" : "Create datastream"} crumbs=${crumbs} form=${Form} />`;
}

function Form({ kind, id, before, etag, reload }) {
  const editor = useEditor({ kind, id, etag, reload, initial: id ? editable(before) : BLANK, body: sent, labels: LABELS });
  const { values, change, errors } = editor;
  const datasets = useResource((signal) => all("datasets", {}, signal), []);
  const decisions = useResource((signal) => all("decisions", {}, signal), []);
  const type = (name) => (event) => change({ [name]: event.target.value });
  const submit = (event) => {
    event.preventDefault();
    if (id) editor.save();
    else editor.create("The datastream is created.");
  };
  const options = (decisions.data ?? []).map((one) => ({ value: one.id, label: one.name, note: one.description }));
  return html`<form class="form" onSubmit=${submit} noValidate>
      <${FormProblem} problem=${editor.problem} known=${POINTERS} />
      <${Section} id="basics" title="Basics">
        <${Field} label="Name" pointer="/name" required errors=${errors}>${(field) => html`<input ...${field} value=${values.name} dir="auto" maxlength="255" autocomplete="off" onInput=${type("name")} />`}<//>
        <${Field} label="Organisation id" pointer="/orgId" required errors=${errors} hint="As the page configures it, such as 1234567890@AdobeOrg. It names the cookies.">${(field) => html`<input ...${field} value=${values.orgId} maxlength="128" onInput=${type("orgId")} />`}<//>
        <${Field} label="Dataset" pointer="/datasetId" required errors=${errors} hint="Where its events are counted.">${(field) => html`<select ...${field} value=${values.datasetId} onChange=${type("datasetId")}><option value="">Choose</option>${(datasets.data ?? []).map((one) => html`<option value=${one.id}>${one.name}</option>`)}</select>`}<//>
        <${Field} label="Origins, one a line" pointer="/origins" errors=${errors} hint="Web pages that may ask, such as https://shop.example. Apps and servers have none.">${(field) => html`<textarea ...${field} rows="3" value=${values.origins} onInput=${type("origins")}></textarea>`}<//>
      <//>
      <${Section} id="decisions-title" title="Decisions"><${Group} label="What it may ask for" pointer="/decisionIds" errors=${errors}>
        ${decisions.data && !options.length && html`<p>There is no decision yet. <a href=${link("decisions", "new")}>Create a decision</a>; what you typed here is kept.</p>`}
        <${Choice} id="decisions" options=${options} chosen=${values.decisionIds} most=${40} onChange=${(decisionIds) => change({ decisionIds })} searchLabel="Search decisions" /><//><//>
      <${Section} id="behaviour" title="Behaviour">
        <${Radios} label="Signed tokens of what was served" name="tokenMode" options=${TOKENS} values=${values} change=${change} errors=${errors} />
        <${Radios} label="How answers are spelled" name="answerStyle" options=${STYLES} values=${values} change=${change} errors=${errors} /><//>
      <div class="actions sticky"><a class="button" href=${id ? link("datastreams", id) : link("datastreams")} onClick=${editor.forget}>Cancel</a>
        <button type="submit" class="primary" disabled=${editor.isBusy}>Save</button></div>
    </form>${editor.overtaken}`;
}

function Radios({ label, name, options, values, change, errors }) {
  return html`<${Group} label=${label} pointer="/${name}" required errors=${errors}>
    ${options.map(([value, text, note]) => html`<label class="option"><input type="radio" name=${name} checked=${values[name] === value} onChange=${() => change({ [name]: value })} /><span>${text}<span class="note">${note}</span></span></label>`)}<//>`;
}

const editable = ({ name, orgId, datasetId, decisionIds, origins, tokenMode, answerStyle }) => ({ name, orgId, datasetId, decisionIds, origins: origins.join("\n"), tokenMode, answerStyle });
const sent = (values) => ({ ...values, origins: values.origins.split("\n").map((one) => one.trim()).filter(Boolean) });
