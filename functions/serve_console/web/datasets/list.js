// Datasets: where events lie.
import { html } from "../view.js";
import { plural } from "../figures.js";
import { Definitions, First } from "../parts/list.js";
import { ForManagers } from "../parts/permission.js";
import { link } from "../router.js";

const COLUMNS = [
  { title: "May teach", show: (row) => html`<${Eligible} dataset=${row} />` },
  { title: "Location", show: (row) => html`<code>s3://${row.bucket}/${row.prefix}</code>` },
  { title: "Used by", show: (row) => `${plural(row.usedBy.length, "model")}, ${plural(row.datastreams.length, "datastream")}` },
];

export default function Datasets() {
  const first = html`<${First} title="No dataset yet"><p>A dataset is the place in S3 where the displays and clicks of your offers lie, one JSON object a line, or Parquet. What arrives there is counted within seconds.</p><${ForManagers} what="create a dataset"><p><a href=${link("datasets", "new")}>Create a dataset</a></p><//><//>`;
  return html`<${Definitions} kind="datasets" title="Datasets" crumbs=${[["Data"], ["Datasets"]]} create="Create dataset" columns=${COLUMNS} first=${first} />`;
}

export const Eligible = ({ dataset }) =>
  dataset.eligible ? html`<span class="badge yes">Eligible</span>` : html`<span class="badge bad">Not eligible</span><span class="note">${dataset.reason}</span>`;
