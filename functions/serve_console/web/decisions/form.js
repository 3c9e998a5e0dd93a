// Creating a decision, and editing one.
import { html } from "../view.js";
import { all } from "../api.js";
import { Editor, useEditor } from "../parts/editor.js";
import { Field, FormProblem } from "../parts/field.js";
import { Section } from "../parts/page.js";
import { useResource } from "../resource.js";
import { link } from "../router.js";
import { BLANK as CREATIVE, Creative, FIELDS, fromForm, toForm } from "./creative.js";
import { OffersField, useOfferDialog } from "./offers.js";

const BLANK = { name: "", description: "", activityId: "", placementId: "", surface: "", modelId: "", itemCount: 1, offers: [], fallback: { ...CREATIVE, id: "fallback" } };
const POINTERS = ["/name", "/description", "/activityId", "/placementId", "/surface", "/modelId", "/itemCount", "/offers", ...FIELDS.map((one) => `/fallback/${one}`)];
const LABELS = { name: "Name", description: "Description", activityId: "Activity id", placementId: "Placement id", surface: "Surface", modelId: "AI model", itemCount: "How many are shown", offers: "Offers", fallback: "Fallback" };

export default function DecisionForm({ id }) {
  const crumbs = [["Offers"], ["Decisions", link("decisions")], ...(id ? [["Decision", link("decisions", id)]] : []), [id ? "Edit" : "Create"]];
  return html`<${Editor} kind="decisions" id=${id} blank=${BLANK} title=${id ? "Edit decision" : "Create decision"} crumbs=${crumbs} form=${Form} />`;
}

function Form({ kind, id, before, etag, reload }) {
  const editor = useEditor({ kind, id, etag, reload, initial: id ? editable(before) : BLANK, body: (values) => sent(values, id ? before.fallback : null), labels: LABELS });
  const { values, change, errors } = editor;
  const models = useResource((signal) => all("models", {}, signal), []);
  const setOffers = (offers) => change({ offers });
  const { edit, dialog } = useOfferDialog(values.offers, setOffers);
  const type = (name) => (event) => change({ [name]: event.target.value });
  const submit = (event) => {
    event.preventDefault();
    if (id) editor.save();
    else editor.create("The decision is created.");
  };
  return html`<form class="form" onSubmit=${submit} noValidate>
      <${FormProblem} problem=${editor.problem} known=${POINTERS} />
      <${Section} id="basics" title="Basics">
        <${Field} label="Name" pointer="/name" required errors=${errors} hint="Pages can ask for the decision by it.">${(field) => html`<input ...${field} value=${values.name} dir="auto" maxlength="255" autocomplete="off" onInput=${type("name")} />`}<//>
        <${Field} label="Description" pointer="/description" errors=${errors}>${(field) => html`<textarea ...${field} rows="2" dir="auto" maxlength="2000" value=${values.description} onInput=${type("description")}></textarea>`}<//>
        <${Field} label="AI model" pointer="/modelId" errors=${errors} hint="Ranks the offers. Without one, or while it is not live, their priority does.">${(field) => html`<select ...${field} value=${values.modelId} onChange=${type("modelId")}><option value="">None: by priority</option>${(models.data ?? []).filter((one) => one.status !== "archived" || one.id === values.modelId).map((one) => html`<option value=${one.id}>${one.name} (${one.status})</option>`)}</select>`}<//>
        <${Field} label="How many are shown" pointer="/itemCount" required errors=${errors} hint="Where who asks does not say. 1 to 30.">${(field) => html`<input ...${field} type="number" min="1" max="30" value=${values.itemCount} onChange=${(event) => change({ itemCount: Number(event.target.value) })} />`}<//>
      <//>
      <${Section} id="offers-title" title="Offers"><${OffersField} offers=${values.offers} onChange=${setOffers} edit=${edit} errors=${errors} /><//>
      <${Section} id="fallback" title="Fallback" hint="Shown when no offer may be.">
        <${Creative} at="/fallback" values=${values.fallback} change=${(some) => change(({ fallback }) => ({ fallback: { ...fallback, ...some } }))} errors=${errors} /><//>
      <${Section} id="scope" title="How it is asked for" hint="By its name, unless you have ids or a surface of Adobe Journey Optimizer.">
        <div class="two">
          <${Field} label="Activity id" pointer="/activityId" errors=${errors}>${(field) => html`<input ...${field} value=${values.activityId} onInput=${type("activityId")} />`}<//>
          <${Field} label="Placement id" pointer="/placementId" errors=${errors}>${(field) => html`<input ...${field} value=${values.placementId} onInput=${type("placementId")} />`}<//>
        </div>
        <${Field} label="Surface" pointer="/surface" errors=${errors} hint="Such as web://shop.example/home#hero.">${(field) => html`<input ...${field} value=${values.surface} onInput=${type("surface")} />`}<//>
      <//>
      <div class="actions sticky"><a class="button" href=${id ? link("decisions", id) : link("decisions")} onClick=${editor.forget}>Cancel</a>
        <button type="submit" class="primary" disabled=${editor.isBusy}>Save</button></div>
    </form>${dialog}${editor.overtaken}`;
}

function editable({ name, description, activityId, placementId, surface, modelId, itemCount, offers, fallback }) {
  const text = (value) => value ?? "";
  return { name, description: text(description), activityId: text(activityId), placementId: text(placementId), surface: text(surface), modelId: text(modelId), itemCount, offers, fallback: toForm(fallback) };
}

/** A version that was made from the fallback's content is made anew when that was changed. */
function versioned(fallback, before) {
  if (!before) return fallback;
  const was = toForm(before);
  const isChanged = fallback.content !== was.content || fallback.deliveryURL !== was.deliveryURL;
  return fallback.etag === was.etag && isChanged ? { ...fallback, etag: "" } : fallback;
}

async function sent({ fallback, ...values }, before) {
  const optional = ["description", "activityId", "placementId", "surface", "modelId"].map((name) => [name, values[name] || null]);
  return { ...values, ...Object.fromEntries(optional), fallback: await fromForm(versioned(fallback, before), "/fallback") };
}
