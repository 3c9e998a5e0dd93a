// What lists of definitions have in common: sorting by the API, paging by the API, and a first step where all is empty.
import { html } from "../vendor/htm-preact.js";
import { count } from "../figures.js";
import { refine } from "../router.js";

/** A column's heading that sorts by the API's field `by`; `orderBy` is the order at present. */
export function SortHeading({ text, by, orderBy }) {
  const isUp = orderBy === by;
  const isDown = orderBy === `-${by}`;
  return html`<th scope="col" aria-sort=${isUp ? "ascending" : isDown ? "descending" : undefined}>
    <button type="button" class="sort" onClick=${() => refine({ orderBy: isUp ? `-${by}` : by, start: "" })}>${text}<span class="arrow" aria-hidden="true">${isUp ? "▲" : isDown ? "▼" : ""}</span></button>
  </th>`;
}

/** The API pages forward only: where one comes from is the browser's own history, and the first page always near. */
export function Pager({ page, start, what }) {
  if (!start && !page.next) return html`<p class="note total">${count(page.total)} in all</p>`;
  const forward = () => {
    refine({ start: page.next });
    scrollTo(0, 0);
  };
  return html`<nav class="pages" aria-label="Pages of ${what}">
    <button type="button" disabled=${!start} onClick=${() => refine({ start: "" })}>First page</button>
    <span role="status">${count(page.count)} shown, ${count(page.total)} in all</span>
    <button type="button" disabled=${!page.next} onClick=${forward}>Next page</button>
  </nav>`;
}

export const First = ({ title, children }) => html`<div class="first"><h2>${title}</h2>${children}</div>`;
