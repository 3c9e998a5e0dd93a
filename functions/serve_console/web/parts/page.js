// The frame of every page: where one is, what it is called, what can be done.
import { html, useEffect, useLayoutEffect, useRef } from "../view.js";

let isFirst = true; // the page that the browser itself has just opened keeps the browser's focus

/** `crumbs` are [text, href] pairs; `name` is text that somebody typed, shown as the heading when there is one. */
export function Page({ title, name, crumbs = [], actions, children }) {
  const heading = useRef();
  useEffect(() => {
    document.title = `${name ?? title} · Offer Ranking`;
  }, [title, name]);
  useLayoutEffect(() => {
    // After a move inside the application, the keyboard and the screen reader stand at the new page's heading, from the
    // moment it is there: later, the focus would be taken from whoever has begun to type.
    if (!isFirst) heading.current.focus();
    isFirst = false;
  }, []);
  return html`<div class="page">
    ${crumbs.length > 0 && html`<nav class="crumbs" aria-label="You are here">
      <ol>${crumbs.map(([text, href]) => html`<li>${href ? html`<a href=${href}>${text}</a>` : html`<span>${text}</span>`}</li>`)}</ol>
    </nav>`}
    <header class="page-head">
      <h1 tabindex="-1" ref=${heading}>${name === undefined ? title : html`<bdi class="name">${name}</bdi>`}</h1>
      ${actions && html`<div class="actions">${actions}</div>`}
    </header>
    ${children}
  </div>`;
}

/** Links between the parts of one thing. They are links, not ARIA tabs: each has an address that can be sent on. */
export function Parts({ label, parts, current }) {
  return html`<nav class="parts" aria-label=${label}>
    ${parts.map(([key, text, href]) => html`<a href=${href} aria-current=${key === current ? "page" : undefined}>${text}</a>`)}
  </nav>`;
}

/** A section with a heading of its own. */
export function Section({ id, title, hint, aside, children }) {
  return html`<section class="section" aria-labelledby=${id}>
    <div class="section-head"><h2 id=${id}>${title}</h2>${aside}</div>
    ${hint && html`<p class="hint">${hint}</p>`}
    ${children}
  </section>`;
}
