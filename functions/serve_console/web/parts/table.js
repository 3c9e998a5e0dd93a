// Tables that can be sorted, searched, turned page by page, and downloaded: 10,000 rows are as quick as ten.
import { html, useMemo, useState } from "../view.js";
import { count } from "../figures.js";
import { Download } from "./csv.js";
import { folded } from "./folding.js";

const PAGE = 50;

/**
 * `columns`: [{title, value(row), show(row)?, number?, hint?}]; `value` sorts and is downloaded, `show` is drawn.
 * `search(row)` gives the text that is searched, where there is a search box.
 */
export function DataTable({ caption, columns, rows, sortBy = null, search, searchLabel, rowKey, empty = "Nothing yet." }) {
  const [sort, setSort] = useState(sortBy); // [title of a column, whether descending]
  const [text, setText] = useState("");
  const [page, setPage] = useState(0);
  const found = useMemo(() => sorted(searched(rows, text, search), columns, sort), [rows, text, sort, columns]);
  const last = Math.max(0, Math.ceil(found.length / PAGE) - 1);
  const at = Math.min(page, last);
  const shown = found.slice(at * PAGE, at * PAGE + PAGE);
  const turn = (title) => {
    const isNumber = columns.find((one) => one.title === title).number;
    setSort(sort?.[0] === title ? [title, !sort[1]] : [title, Boolean(isNumber)]); // numbers: the largest first
    setPage(0);
  };
  return html`<div class="table-block">
    <div class="table-tools">
      ${search && rows.length > 8 && html`<label class="search"><span class="sr-only">${searchLabel}</span>
        <input type="search" placeholder=${searchLabel} value=${text} onInput=${(event) => (setText(event.target.value), setPage(0))} /></label>`}
      <${Download} name=${caption} columns=${columns} rows=${found} />
    </div>
    <${Scroller} caption=${caption}>
      <table>
        <caption class="sr-only">${caption}</caption>
        <thead><tr>${columns.map((one) => html`<${Heading} column=${one} sort=${sort} turn=${turn} />`)}</tr></thead>
        <tbody>
          ${shown.map((row, n) => html`<tr key=${rowKey ? rowKey(row) : n}>${columns.map((one, m) => cellOf(one, row, m))}</tr>`)}
          ${shown.length === 0 && html`<tr><td colspan=${columns.length} class="empty-row">${text ? `Nothing matches “${text}”.` : empty}</td></tr>`}
        </tbody>
      </table>
    <//>
    ${last > 0 && html`<${Pages} at=${at} last=${last} total=${found.length} onPage=${setPage} what=${caption} />`}
  </div>`;
}

/** Wide tables scroll by themselves, by the keyboard too, and the page does not. */
export function Scroller({ caption, children }) {
  return html`<div class="scroller" role="region" aria-label="${caption}, table" tabindex="0">${children}</div>`;
}

function Heading({ column, sort, turn }) {
  const isSorted = sort?.[0] === column.title;
  const direction = isSorted ? (sort[1] ? "descending" : "ascending") : undefined;
  return html`<th scope="col" class=${column.number ? "number" : ""} aria-sort=${direction} title=${column.hint}>
    <button type="button" class="sort" onClick=${() => turn(column.title)}>${column.title}<span class="arrow" aria-hidden="true">${isSorted ? (sort[1] ? "▼" : "▲") : ""}</span></button>
  </th>`;
}

function cellOf(column, row, place) {
  const content = column.show ? column.show(row) : column.value(row);
  if (place === 0) return html`<th scope="row">${content}</th>`;
  return html`<td class=${column.number ? "number" : ""}>${content}</td>`;
}

function Pages({ at, last, total, onPage, what }) {
  return html`<nav class="pages" aria-label="Pages of ${what}">
    <button type="button" disabled=${at === 0} onClick=${() => onPage(at - 1)}>Previous</button>
    <span role="status">${count(at * PAGE + 1)} to ${count(Math.min(total, at * PAGE + PAGE))} of ${count(total)}</span>
    <button type="button" disabled=${at === last} onClick=${() => onPage(at + 1)}>Next</button>
  </nav>`;
}

function searched(rows, text, search) {
  if (!text || !search) return rows;
  const wanted = folded(text);
  return rows.filter((row) => folded(search(row)).includes(wanted));
}

function sorted(rows, columns, sort) {
  const column = sort && columns.find((one) => one.title === sort[0]);
  if (!column) return rows;
  const sign = sort[1] ? -1 : 1;
  return rows
    .map((row) => [column.value(row), row])
    .sort(([left], [right]) => sign * compared(left, right))
    .map(([, row]) => row);
}

function compared(left, right) {
  if (left === right) return 0;
  if (left === null || left === undefined) return -1;
  if (right === null || right === undefined) return 1;
  return left < right ? -1 : 1;
}
