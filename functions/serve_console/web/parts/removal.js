// Deleting a definition, after a question, with the reason when it is refused.
import { html, useState } from "../view.js";
import { call } from "../api.js";
import { go, link } from "../router.js";
import { Confirm } from "./dialog.js";
import { say } from "./notice.js";

/** `what`: "dataset"; `users`: the kind of definitions that may use it; the child is what becomes of the rest. */
export function Removal({ kind, what, id, etag, users, children }) {
  const [isAsked, setAsked] = useState(false);
  const remove = async () => {
    await call("DELETE", `${kind}/${id}`, { etag });
    go(kind);
    say(`The ${what} is deleted.`);
  };
  const usedBy = (problem) => problem.usedBy?.length > 0 && html`<p>Used by: ${problem.usedBy.map((one) => html`<a href=${link(users, one)}>${one}</a> `)}</p>`;
  return html`<button type="button" class="danger-text" onClick=${() => setAsked(true)}>Delete</button>
    ${isAsked && html`<${Confirm} title="Delete this ${what}?" label="Delete" danger act=${remove} onClose=${() => setAsked(false)} explain=${usedBy}><p>${children}</p><//>`}`;
}
