// What only managers may do, and what is said in its place to who may not.
import { html } from "../view.js";
import { mayManage } from "../session.js";
import { Notice } from "./notice.js";

/** `what` in words ("create a dataset") goes on to be done by the child, or says whom to ask. */
export const ForManagers = ({ what, children }) =>
  mayManage() ? children : html`<p>Ask somebody in <code>ranking-managers</code> to ${what}.</p>`;

/** In place of a form. */
export const NotAllowed = () => html`<${Notice} kind="info" title="You may look at this, and not change it">
  <p>Ask somebody in <code>ranking-managers</code> to do it, or whoever runs this deployment to put you into that group.</p><//>`;
