// A table as a file for spreadsheets.
import { html } from "../view.js";

/** `columns` are [{title, value(row)}]; `rows` what the table shows, all of them. */
export function Download({ name, columns, rows }) {
  const save = () => {
    const lines = [columns.map((one) => one.title), ...rows.map((row) => columns.map((one) => one.value(row)))];
    const text = lines.map((cells) => cells.map(cell).join(",")).join("\r\n");
    const address = URL.createObjectURL(new Blob(["\ufeff", text, "\r\n"], { type: "text/csv;charset=utf-8" }));
    const anchor = Object.assign(document.createElement("a"), { href: address, download: `${fileName(name)}.csv` });
    anchor.click();
    URL.revokeObjectURL(address);
  };
  return html`<button type="button" class="quiet" onClick=${save} aria-label="Download CSV: ${name}">Download CSV</button>`;
}

/** RFC 4180. Text that a spreadsheet would take for a formula is kept text: names are whatever people typed. */
export function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const fileName = (name) => name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60) || "table";
