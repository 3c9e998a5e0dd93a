// Questions that must be answered before anything else: a native dialog, which keeps the focus and closes by Escape.
import { html, useEffect, useRef, useState } from "../view.js";
import { Notice } from "./notice.js";

export function Dialog({ title, onClose, children, wide }) {
  const dialog = useRef();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current.showModal();
    return () => before?.isConnected && before.focus(); // back to the button that opened it
  }, []);
  const cancelled = (event) => {
    event.preventDefault(); // closing is a state of the page's, and the page takes the dialog away
    onClose();
  };
  return html`<dialog ref=${dialog} class=${wide ? "wide" : ""} aria-labelledby="dialog-title" onCancel=${cancelled}>
    <h2 id="dialog-title">${title}</h2>
    ${children}
  </dialog>`;
}

/** Do something after a question. `act` may throw a Problem, which is shown here with its reason. */
export function Confirm({ title, label, danger, act, onClose, children, explain }) {
  const [state, setState] = useState({});
  const confirm = async (event) => {
    event.preventDefault();
    setState({ isBusy: true });
    try {
      await act();
    } catch (problem) {
      setState({ problem });
    }
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form onSubmit=${confirm} noValidate>
      ${children}
      ${state.problem && html`<${Notice} kind="problem" title=${state.problem.title} role="alert">
        <p>${state.problem.message}</p>${explain?.(state.problem)}
      <//>`}
      <div class="actions">
        <button type="button" onClick=${onClose}>Cancel</button>
        <button type="submit" class=${danger ? "danger" : "primary"} disabled=${state.isBusy}>${state.isBusy ? "One moment …" : label}</button>
      </div>
    </form>
  <//>`;
}
