// What can be done with a model as it stands: each step of its life with its question, and its reason when refused.
import { html, useState } from "../view.js";
import { call } from "../api.js";
import { Field } from "../parts/field.js";
import { Confirm } from "../parts/dialog.js";
import { useOnceKey } from "../parts/form.js";
import { say } from "../parts/notice.js";
import { go, link } from "../router.js";

/** Which steps a model's status allows, as shared/offer_ranking/catalog/lifecycle.py has them; the API has the last word. */
export const STEPS = {
  draft: ["edit", "activate", "archive", "duplicate", "delete"],
  live: ["edit", "deactivate", "duplicate"],
  archived: ["duplicate", "delete"],
};

export function Actions({ model, etag, reload }) {
  const [asked, setAsked] = useState(null);
  const close = () => setAsked(null);
  const steps = STEPS[model.status] ?? [];
  const step = (name) => async () => {
    await call("POST", `models/${model.id}/${name}`);
    close();
    reload();
    say({ activate: "The AI model is live.", deactivate: "The AI model is a draft again.", archive: "The AI model is archived." }[name]);
  };
  const remove = async () => {
    await call("DELETE", `models/${model.id}`, { etag });
    go("models");
    say("The AI model is deleted.");
  };
  const button = (name, text, style = "") => html`<button type="button" class=${style} onClick=${() => setAsked(name)}>${text}</button>`;
  return html`
    ${steps.includes("activate") && button("activate", "Activate", "primary")}
    ${steps.includes("edit") && html`<a class="button" href=${link("models", model.id, "edit")}>Edit</a>`}
    ${steps.includes("deactivate") && button("deactivate", "Deactivate")}
    ${button("duplicate", "Duplicate")}
    ${steps.includes("archive") && button("archive", "Archive")}
    ${button("delete", "Delete", "danger-text") /* of a live model too: the question says what to do first */}
    ${asked === "activate" && html`<${Confirm} title="Activate this AI model?" label="Activate" act=${step("activate")} onClose=${close} explain=${allowed}>
      <p>From now on it ranks offers and learns from every event. Until it has events it ranks at random.</p><//>`}
    ${asked === "deactivate" && html`<${Confirm} title="Deactivate this AI model?" label="Deactivate" danger act=${step("deactivate")} onClose=${close} explain=${allowed}>
      <p>Within two seconds it ranks no more: decisions that use it serve their offers by priority. It becomes a draft; what it learned is kept.</p><${Users} model=${model} /><//>`}
    ${asked === "archive" && html`<${Confirm} title="Archive this AI model?" label="Archive" danger act=${step("archive")} onClose=${close} explain=${allowed}>
      <p>For good: an archived model can only be duplicated or deleted.</p><${Users} model=${model} /><//>`}
    ${asked === "duplicate" && html`<${Duplicate} model=${model} onClose=${close} />`}
    ${asked === "delete" && html`<${Confirm} title="Delete this AI model?" label="Delete" danger act=${remove} onClose=${close} explain=${(problem) => html`${allowed(problem)}${usedBy(problem)}`}>
      <p>It goes for good; the record of who changed it stays. ${model.status === "live" && "A live model cannot be deleted: deactivate it first."}</p><${Users} model=${model} /><//>`}`;
}

const allowed = (problem) => problem.allowed?.length > 0 && html`<p>As it stands, it can: ${problem.allowed.join(", ")}.</p>`;
const usedBy = (problem) => problem.usedBy?.length > 0 && html`<p>Used by: ${problem.usedBy.map((id) => html`<a href=${link("decisions", id)}>${id}</a> `)}</p>`;

function Users({ model }) {
  const ids = model.usedBy ?? [];
  if (!ids.length) return null;
  return html`<p>Decisions that use it: ${ids.map((id) => html`<a href=${link("decisions", id)}>${id}</a> `)}</p>`;
}

function Duplicate({ model, onClose }) {
  const [name, setName] = useState(`${model.name.slice(0, 240)} (copy)`);
  const [errors, setErrors] = useState([]);
  const { key, renew } = useOnceKey();
  const act = async () => {
    try {
      const made = await call("POST", `models/${model.id}/duplicate`, { body: { name }, key });
      go("models", made.data.id);
      say("The copy is a draft.");
    } catch (problem) {
      if (problem.status) renew();
      setErrors(problem.errors ?? []);
      throw problem;
    }
  };
  return html`<${Confirm} title="Duplicate this AI model" label="Duplicate" act=${act} onClose=${onClose}>
    <p>The copy is a draft of the same definition. It learns anew.</p>
    <${Field} label="Name of the copy" pointer="/name" required errors=${errors}>${(field) => html`<input ...${field} value=${name} dir="auto" maxlength="255" onInput=${(event) => setName(event.target.value)} />`}<//>
  <//>`;
}
