// Decisions: which offers may be shown in a place, and which AI model ranks them.
import { html } from "../view.js";
import { count } from "../figures.js";
import { Linked } from "../models/definition.js";
import { Definitions, First } from "../parts/list.js";
import { ForManagers } from "../parts/permission.js";
import { link } from "../router.js";

const COLUMNS = [
  { title: "Offers", number: true, show: (row) => count(row.offers.length) },
  { title: "Ranked by", show: (row) => (row.modelId ? html`<${Linked} kind="models" id=${row.modelId} />` : "priority") },
  { title: "Asked for as", show: (row) => (row.surface ? html`<code>${row.surface}</code>` : row.activityId ? html`<code>${row.activityId} / ${row.placementId}</code>` : "its name") },
  { title: "Datastreams", number: true, show: (row) => count(row.usedBy.length) },
];

export default function Decisions() {
  const first = html`<${First} title="No decision yet"><p>A decision is a place on a page or in an app: the offers that may be shown there, the AI model that ranks them, and what is shown when none may be.</p><${ForManagers} what="create a decision"><p><a href=${link("decisions", "new")}>Create a decision</a></p><//><//>`;
  return html`<${Definitions} kind="decisions" title="Decisions" crumbs=${[["Offers"], ["Decisions"]]} create="Create decision" columns=${COLUMNS} first=${first} />`;
}
