// The words of a model's life and learning.
import { html } from "../view.js";
import { When } from "../figures.js";

export const TYPES = { "auto-optimization": "Auto-optimization", personalized: "Personalized" };
const STATUSES = { draft: "Draft", live: "Live", archived: "Archived" };
const TRAININGS = { pending: "Waiting for its first events", "in-progress": "Learning now", success: "Learned", failed: "Could not learn" };
const REASONS = {
  "no-events-in-dataset": "There are no events in its datasets yet. It learns by itself as soon as some arrive.",
};

export const Status = ({ status }) => html`<span class="badge ${status}">${STATUSES[status] ?? status}</span>`;

/** How the last training ended, when, and why when it failed. */
export function Training({ model }) {
  const { status, error } = model.training;
  if (model.status === "draft" && status === "pending") return html`<span>Not started: <span class="note">it learns once it is live</span></span>`;
  return html`<span><span class="badge ${status}">${TRAININGS[status] ?? status}</span>
    ${error && html`<span class="note">${REASONS[error.reason] ?? error.reason} <span class="id">Request ${error.requestId}</span></span>`}</span>`;
}

/** When the snapshot that a model ranks by was made. */
export const Refreshed = ({ model }) => (model.snapshot ? html`<${When} at=${model.snapshot.asOf} />` : "never");

/** A lift in one sentence that promises no more than its interval does. */
export function liftSentence(lift, arm = "the model", other = "random order") {
  if (!lift.enoughData) return `Not enough events yet to say how ${arm} compares with ${other}: each needs 20 conversions, and 20 displays that did not convert.`;
  const [low, high] = lift.interval;
  const sure = `With ${Math.round(100 * lift.confidence)} % confidence, however often one looks`;
  if (low > 0) return `${sure}, ${arm} earns more than ${other}.`;
  if (high < 0) return `${sure}, ${arm} earns less than ${other}.`;
  return `It cannot yet be told whether ${arm} earns more or less than ${other}: the interval holds 0.`;
}
