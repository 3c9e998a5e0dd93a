// The offers of a decision: a table, and a dialog for each.
import { html, useState } from "../view.js";
import { absolute, number, plural } from "../figures.js";
import { Choice } from "../parts/choice.js";
import { Dialog } from "../parts/dialog.js";
import { Field, FormProblem, Group } from "../parts/field.js";
import { refusal, useAction } from "../parts/form.js";
import { Scroller } from "../parts/table.js";
import { BLANK, Creative, FIELDS, fromForm, toForm } from "./creative.js";

const NEW = { ...BLANK, priority: 0, startsAt: null, endsAt: null, status: "approved", audiencesAny: [] };
const MOST = 500;
const POINTERS = [...FIELDS, "priority", "status", "startsAt", "endsAt", "audiencesAny"].map((one) => `/offer/${one}`);

/** Offers in a table; `edit(n)` and `remove(n)` are there where they may be changed. */
export function OfferTable({ offers, edit, remove, errors = [] }) {
  const wrong = (n) => errors.filter((one) => one.pointer.startsWith(`/offers/${n}/`) || one.pointer === `/offers/${n}`);
  return html`<${Scroller} caption="Offers"><table>
    <caption class="sr-only">Offers</caption>
    <thead><tr><th scope="col">Offer</th><th scope="col">Format</th><th scope="col" class="number">Priority</th><th scope="col">When</th><th scope="col">For whom</th><th scope="col">Status</th>${edit && html`<th scope="col"><span class="sr-only">Change</span></th>`}</tr></thead>
    <tbody>${offers.map((one, n) => html`<tr key=${n}>
      <th scope="row"><bdi class="name">${one.id}</bdi><span class="note clamp"><bdi>${one.content ?? one.deliveryURL}</bdi></span>${wrong(n).map((error) => html`<span class="field-error">${error.pointer.split("/").at(-1)}: ${error.detail}</span>`)}</th>
      <td>${one.format}</td><td class="number">${number(one.priority)}</td><td>${period(one)}</td>
      <td>${one.audiencesAny?.length ? html`<bdi>${one.audiencesAny.join(", ")}</bdi>` : "everybody"}</td>
      <td>${one.status === "archived" ? "Archived" : "Approved"}</td>
      ${edit && html`<td><div class="actions"><button type="button" class="quiet" aria-label="Edit offer ${one.id}" onClick=${() => edit(n)}>Edit</button><button type="button" class="quiet" aria-label="Remove offer ${one.id}" onClick=${() => remove(n)}>Remove</button></div></td>`}
    </tr>`)}
    ${!offers.length && html`<tr><td colspan="7" class="empty-row">No offer yet: the fallback is shown.</td></tr>`}</tbody>
  </table><//>`;
}

function period({ startsAt, endsAt }) {
  if (!startsAt && !endsAt) return "always";
  return [startsAt && `from ${absolute(startsAt)}`, endsAt && `until ${absolute(endsAt)}`].filter(Boolean).join(" ");
}

/**
 * The offers of a decision and the dialog for one of them: {edit, dialog}. `edit(n)` opens it, `offers.length` is the
 * place of a new one. The dialog has a form of its own, so it is to be drawn beside the decision's form, not within.
 */
export function useOfferDialog(offers, onChange) {
  const [at, setAt] = useState(null);
  const keep = (offer) => {
    onChange(at === offers.length ? [...offers, offer] : offers.map((one, n) => (n === at ? offer : one)));
    setAt(null);
  };
  const taken = offers.filter((_, n) => n !== at).map((one) => one.id);
  const dialog = at !== null && html`<${OfferDialog} offer=${offers[at]} taken=${taken} onKeep=${keep} onClose=${() => setAt(null)} />`;
  return { edit: setAt, dialog };
}

export function OffersField({ offers, onChange, edit, errors }) {
  return html`<${Group} label=${`Offers (${plural(offers.length, "offer")}, at most ${MOST})`} pointer="/offers" required errors=${errors.filter((one) => one.pointer === "/offers")}>
    <${OfferTable} offers=${offers} errors=${errors} edit=${edit} remove=${(n) => onChange(offers.filter((_, m) => m !== n))} />
    <p><button type="button" disabled=${offers.length >= MOST} onClick=${() => edit(offers.length)}>Add an offer</button></p>
  <//>`;
}

function OfferDialog({ offer, taken, onKeep, onClose }) {
  const [values, setValues] = useState(() => ({ ...NEW, ...(offer ? toForm(offer) : {}) }));
  const { problem, isBusy, run } = useAction();
  const errors = problem?.errors ?? [];
  const change = (some) => setValues((before) => ({ ...before, ...some }));
  const keep = (event) => {
    event.preventDefault();
    run(async () => {
      const wrong = wrongIn(values, taken);
      if (wrong.length) throw refusal(wrong);
      // A version that was made from the content is made anew when that was changed; one that somebody chose stays.
      const isStale = offer && values.etag === offer.etag && (values.content !== (offer.content ?? "") || values.deliveryURL !== (offer.deliveryURL ?? ""));
      const { priority, startsAt, endsAt, status, audiencesAny } = values;
      onKeep({ ...(await fromForm(isStale ? { ...values, etag: "" } : values, "/offer")), priority, startsAt, endsAt, status, audiencesAny });
    });
  };
  return html`<${Dialog} title=${offer ? "Edit offer" : "Add an offer"} onClose=${onClose} wide>
    <form class="form" onSubmit=${keep} noValidate>
      <${FormProblem} problem=${problem} known=${POINTERS} />
      <${Creative} at="/offer" values=${values} change=${change} errors=${errors} />
      <div class="two">
        <${Field} label="Priority" pointer="/offer/priority" errors=${errors} hint="The highest first, where no model ranks.">${(field) => html`<input ...${field} type="number" step="any" value=${values.priority} onChange=${(event) => change({ priority: Number(event.target.value) })} />`}<//>
        <${Field} label="Status" pointer="/offer/status" required errors=${errors}>${(field) => html`<select ...${field} value=${values.status} onChange=${(event) => change({ status: event.target.value })}><option value="approved">Approved</option><option value="archived">Archived: not shown</option></select>`}<//>
        <${Moment} label="Shown from" name="startsAt" values=${values} change=${change} errors=${errors} />
        <${Moment} label="Shown until" name="endsAt" values=${values} change=${change} errors=${errors} />
      </div>
      <${Group} label="Audiences" pointer="/offer/audiencesAny" errors=${errors} hint="Who is in any of them may see it. None: everybody.">
        <${Choice} id="offer-audiences" options=${[]} chosen=${values.audiencesAny} most=${50} typed="An audience" onChange=${(audiencesAny) => change({ audiencesAny })} /><//>
      <div class="actions"><button type="button" onClick=${onClose}>Cancel</button><button type="submit" class="primary" disabled=${isBusy}>${offer ? "Keep the changes" : "Add"}</button></div>
    </form>
  <//>`;
}

function wrongIn({ id, format, content, deliveryURL }, taken) {
  const isImage = format.startsWith("image/");
  return [
    !id.trim() && { pointer: "/offer/id", detail: "must not be empty" },
    taken.includes(id.trim()) && { pointer: "/offer/id", detail: "another offer of this decision has this id" },
    !deliveryURL && (isImage || !content) && { pointer: isImage ? "/offer/deliveryURL" : "/offer/content", detail: "must not be empty" },
  ].filter(Boolean);
}

/** A moment by the clock of whoever sits here; the API keeps it in UTC. */
function Moment({ label, name, values, change, errors }) {
  const set = (event) => change({ [name]: event.target.value ? new Date(event.target.value).toISOString() : null });
  return html`<${Field} label=${label} pointer="/offer/${name}" errors=${errors} hint="By the clock of this device.">${(field) => html`<input ...${field} type="datetime-local" value=${local(values[name])} onChange=${set} />`}<//>`;
}

function local(text) {
  if (!text) return "";
  const at = new Date(text);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
