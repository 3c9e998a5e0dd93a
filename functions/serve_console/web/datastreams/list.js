// Datastreams: what one site or app may ask for, and where its events go.
import { html } from "../view.js";
import { count } from "../figures.js";
import { Linked } from "../models/definition.js";
import { Definitions, First } from "../parts/list.js";
import { ForManagers } from "../parts/permission.js";
import { link } from "../router.js";

const COLUMNS = [
  { title: "Events go to", show: (row) => html`<${Linked} kind="datasets" id=${row.datasetId} />` },
  { title: "Decisions", number: true, show: (row) => count(row.decisionIds.length) },
  { title: "Tokens", show: (row) => row.tokenMode },
  { title: "Answers as", show: (row) => row.answerStyle },
];

export default function Datastreams() {
  const first = html`<${First} title="No datastream yet"><p>A datastream connects one site or app that speaks Adobe's Web SDK or Mobile SDK: which decisions it may ask for, and into which dataset its events go.</p><${ForManagers} what="create a datastream"><p><a href=${link("datastreams", "new")}>Create a datastream</a></p><//><//>`;
  return html`<${Definitions} kind="datastreams" title="Datastreams" crumbs=${[["Data"], ["Datastreams"]]} create="Create datastream" columns=${COLUMNS} first=${first} />`;
}
