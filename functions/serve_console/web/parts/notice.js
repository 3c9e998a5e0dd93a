// What the page has to say: problems with what to do about them, and short messages of what was done.
import { html, useEffect, useRef, useState } from "../view.js";

/** A box of a kind: "info", "good", "warning" or "problem"; a word says the kind, colour only repeats it. */
export function Notice({ kind = "info", title, children, role }) {
  return html`<div class="notice ${kind}" role=${role}>
    ${title && html`<strong>${title}</strong>`}<div>${children}</div>
  </div>`;
}

/** A call that failed, and the way to try it again. */
export function Failure({ error, retry }) {
  const stays = [403, 404].includes(error.status);
  return html`<${Notice} kind="problem" title=${error.title || "Something went wrong"} role="alert">
    <p>${error.message}</p>
    ${retry && !stays && html`<button type="button" onClick=${retry}>Try again</button>`}
  <//>`;
}

/**
 * A part of the application that did not come: its address ends with a deployment, under a tab that was open before. The
 * browser remembers the failure, so that nothing but the page as a whole can be loaded again.
 */
export function Unloaded({ what }) {
  return html`<${Notice} kind="problem" title="${what} could not be loaded" role="alert">
    <p>There may be a new version of this console, or no connection. What you typed into a form is kept.</p>
    <button type="button" onClick=${() => location.reload()}>Load it anew</button>
  <//>`;
}

/** What a resource has to say while there is nothing to show, or beside what is shown. */
export function Waiting({ resource, what }) {
  if (resource.error && !resource.data) return html`<${Failure} error=${resource.error} retry=${resource.reload} />`;
  if (resource.error) {
    const text = `${what} could not be refreshed: ${resource.error.message} What is shown is older.`;
    return html`<${Notice} kind="warning" role="status">${text} <button type="button" class="link" onClick=${resource.reload}>Try again</button><//>`;
  }
  if (resource.data) return null;
  return html`<p class="waiting" role="status">${what}: loading …${resource.isSlow && " This takes longer than usual; it is still being waited for."}</p>`;
}

const spoken = new EventTarget();

/** Say for some seconds, to eyes and screen readers, what was done. */
export const say = (message) => spoken.dispatchEvent(new CustomEvent("say", { detail: message }));

/** Where `say` appears; once, in the shell. */
export function Spoken() {
  const [message, setMessage] = useState("");
  const timer = useRef();
  useEffect(() => {
    const hear = ({ detail }) => {
      clearTimeout(timer.current);
      setMessage(detail);
      timer.current = setTimeout(() => setMessage(""), 6000);
    };
    spoken.addEventListener("say", hear);
    return () => spoken.removeEventListener("say", hear);
  }, []);
  return html`<div class="spoken" role="status" aria-live="polite">${message && html`<p>${message}</p>`}</div>`;
}
