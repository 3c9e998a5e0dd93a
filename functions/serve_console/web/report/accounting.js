// What became of every line of the datasets: nothing vanishes.
import { html } from "../view.js";
import { count, percent } from "../figures.js";
import { Section } from "../parts/page.js";
import { DataTable } from "../parts/table.js";

const MEANINGS = {
  counted: "A display or a click of an offer: it teaches.",
  duplicate: "A copy of an event that was counted already.",
  other: "Another event, such as a page view, or of a fallback: it teaches nothing.",
  late: "It came too late to count.",
};
export const REFUSALS = {
  malformed: "The line is no JSON object.",
  "ambiguous-event-type": "More than one propositionEventType is 1.",
  untrusted: "There is no valid token where one is demanded.",
  capped: "More conversions of this visitor or address than are allowed.",
  "time-missing": "The event says no time.",
  "time-unreadable": "The event's time cannot be read, or has no zone.",
  "no-id": "Nothing tells the event from its copies.",
  "offer-unresolved": "No offer is named.",
};

const columns = (received) => [
  { title: "Became", value: (row) => row.became },
  { title: "Lines", number: true, value: (row) => row.lines, show: (row) => count(row.lines) },
  { title: "Part", number: true, value: (row) => (received ? row.lines / received : null), show: (row) => percent(received ? row.lines / received : null) },
  { title: "Which means", value: (row) => row.means },
];

export function Accounting({ accounting }) {
  const rows = [
    ...Object.entries(MEANINGS).map(([became, means]) => ({ became, lines: accounting[became], means })),
    ...Object.entries(accounting.refused).map(([reason, lines]) => ({ became: `refused: ${reason}`, lines, means: REFUSALS[reason] ?? "" })),
  ];
  return html`<${Section} id="accounting" title="Event accounting" hint="${count(accounting.received)} lines were read, whatever their time; this became of them.">
    <${DataTable} caption="Event accounting" columns=${columns(accounting.received)} rows=${rows} rowKey=${(row) => row.became} />
  <//>`;
}
