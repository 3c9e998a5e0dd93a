// What lists of definitions have in common: sorting by the API, paging by the API, and a first step where all is empty.
import { html, useEffect, useRef, useState } from "../view.js";
import { get } from "../api.js";
import { count } from "../figures.js";
import { useResource } from "../resource.js";
import { link, refine, usePlace } from "../router.js";
import { mayManage } from "../session.js";
import { Waiting } from "./notice.js";
import { Page } from "./page.js";
import { Scroller } from "./table.js";

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

const SETTLES_MS = 300;

/** The box that searches a list by name: it follows the address, and the address follows what was typed, once it settles. */
export function NameFilter({ name }) {
  const [typed, setTyped] = useState(null); // what the address does not have yet
  const told = useRef(name);
  useEffect(() => {
    if (typed === null) return undefined;
    const timer = setTimeout(() => {
      told.current = typed;
      refine({ name: typed, start: "" });
      setTyped((now) => (now === typed ? null : now)); // a letter may have come meanwhile
    }, SETTLES_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  useEffect(() => {
    if (name !== told.current) setTyped(null); // the address was moved by somebody else: by a link, or back and forth
    told.current = name;
  }, [name]);
  return html`<label>Name <input type="search" value=${typed ?? name} placeholder="Search" onInput=${(event) => setTyped(event.target.value)} /></label>`;
}

export const First = ({ title, children }) => html`<div class="first"><h2>${title}</h2>${children}</div>`;

/**
 * A page that lists one kind of definitions: searched, sorted and paged by the API. `columns`: [{title, show(row), by?,
 * number?}], the first of which leads to the definition.
 */
export function Definitions({ kind, title, crumbs, create, columns, first }) {
  const { query } = usePlace();
  const { name = "", orderBy, start } = Object.fromEntries(query);
  const found = useResource((signal) => get(kind, { name, orderBy, start, limit: 25 }, signal), [kind, name, orderBy, start]);
  const action = mayManage() && html`<a class="button primary" href=${link(kind, "new")}>${create}</a>`;
  return html`<${Page} title=${title} crumbs=${crumbs} actions=${action}>
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <${NameFilter} name=${name} />
    </form>
    <${Waiting} resource=${found} what=${title} />
    ${found.data && (found.data.results.length || name ? html`<${Rows} kind=${kind} title=${title} columns=${columns} rows=${found.data.results} orderBy=${orderBy ?? "-updatedAt"} />` : first)}
    ${found.data && html`<${Pager} page=${found.data} start=${start} what=${title} />`}
  <//>`;
}

function Rows({ kind, title, columns, rows, orderBy }) {
  return html`<${Scroller} caption=${title}><table class="list">
    <caption class="sr-only">${title}</caption>
    <thead><tr><${SortHeading} text="Name" by="name" orderBy=${orderBy} />
      ${columns.map((one) => html`<th scope="col" class=${one.number ? "number" : ""}>${one.title}</th>`)}
      <${SortHeading} text="Changed" by="updatedAt" orderBy=${orderBy} /></tr></thead>
    <tbody>
      ${rows.map((row) => html`<tr key=${row.id}><th scope="row"><a href=${link(kind, row.id)}><bdi class="name">${row.name}</bdi></a>${row.description && html`<span class="note clamp"><bdi>${row.description}</bdi></span>`}</th>
        ${columns.map((one) => html`<td class=${one.number ? "number" : ""}>${one.show(row)}</td>`)}
        <td><time datetime=${row.updatedAt}>${row.updatedAt.slice(0, 10)}</time></td></tr>`)}
      ${!rows.length && html`<tr><td colspan=${columns.length + 2} class="empty-row">Nothing matches.</td></tr>`}
    </tbody>
  </table><//>`;
}
