// Labelled controls. What the API says of a field, by a JSON pointer, stands at the field.
import { html, useLayoutEffect, useRef } from "../view.js";

/**
 * A label, its control and what is to be said of it. `pointer` names the field as the API does ("/settings/windowDays");
 * the child is a function that gets the attributes of the control.
 */
export function Field({ label, pointer, hint, errors = [], required, children }) {
  const id = idOf(pointer);
  const wrong = errorsAt(errors, pointer);
  const described = [hint && `${id}-hint`, wrong.length && `${id}-error`].filter(Boolean).join(" ") || undefined;
  const attributes = { id, "aria-describedby": described, "aria-invalid": wrong.length ? "true" : undefined, "aria-required": required ? "true" : undefined };
  return html`<div class="field">
    <label for=${id}>${label}${!required && html` <span class="optional">optional</span>`}</label>
    ${hint && html`<p class="hint" id="${id}-hint">${hint}</p>`}
    ${children(attributes)}
    <${FieldErrors} id="${id}-error" wrong=${wrong} />
  </div>`;
}

/** Several controls under one label. */
export function Group({ label, pointer, hint, errors = [], required, children }) {
  const id = idOf(pointer);
  const wrong = errorsAt(errors, pointer);
  return html`<fieldset class="field group" id=${id} tabindex="-1" aria-describedby=${wrong.length ? `${id}-error` : undefined}>
    <legend>${label}${!required && html` <span class="optional">optional</span>`}</legend>
    ${hint && html`<p class="hint">${hint}</p>`}
    ${children}
    <${FieldErrors} id="${id}-error" wrong=${wrong} />
  </fieldset>`;
}

function FieldErrors({ id, wrong }) {
  if (!wrong.length) return null;
  return html`<p class="field-error" id=${id}>${wrong.map((one) => sentence(one.detail)).join(" ")}</p>`;
}

/**
 * The problem of a form, over it: takes the focus, and leads to each field that is wrong. `known` are the pointers that
 * the form has fields for; what lies elsewhere is told here in full.
 */
export function FormProblem({ problem, known }) {
  const box = useRef();
  useLayoutEffect(() => box.current?.focus(), [problem]);
  if (!problem) return null;
  const errors = problem.errors ?? [];
  return html`<div class="notice problem" role="alert" tabindex="-1" ref=${box}>
    <strong>${problem.title || "Something went wrong"}</strong>
    ${errors.length ? html`<ul>${errors.map((one) => html`<li><${Way} error=${one} known=${known} /></li>`)}</ul>` : html`<p>${problem.message}</p>`}
  </div>`;
}

function Way({ error, known }) {
  const pointer = known.find((one) => reaches(one, error.pointer));
  if (!pointer) return html`${error.pointer} ${error.detail}`;
  const there = () => document.getElementById(idOf(pointer))?.focus();
  return html`<button type="button" class="link" onClick=${there}>${spoken(error.pointer)}: ${error.detail}</button>`;
}

const idOf = (pointer) => `field${pointer.replaceAll("/", "-")}`;
const reaches = (field, pointer) => pointer === field || pointer.startsWith(`${field}/`);
const errorsAt = (errors, pointer) => errors.filter((one) => reaches(pointer, one.pointer));
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

/** "/settings/windowDays" -> "settings, window days" */
const spoken = (pointer) =>
  pointer.slice(1).split("/").map((step) => step.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase()).join(", ");
