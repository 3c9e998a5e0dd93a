// A query as a page would send it, and what came back. It is a dry run: nothing of it teaches.
import { html, useState } from "../view.js";
import { get } from "../api.js";
import { number, plural } from "../figures.js";
import { useAction } from "../parts/form.js";
import { Failure, Notice } from "../parts/notice.js";
import { Section } from "../parts/page.js";
import { configuration } from "../session.js";

const MOST_SCOPES = 30; // that the edge answers at once

export function Test({ datastream }) {
  const [answer, setAnswer] = useState(null);
  const { problem, isBusy, run } = useAction();
  const test = () => run(async () => {
    setAnswer(null);
    setAnswer(await ask(datastream));
  });
  const canAsk = Boolean(configuration.edgeUrl) && datastream.decisionIds.length > 0;
  return html`<${Section} id="test" title="Test it" hint="Asks the edge for this datastream's decisions, as a page would, without an event that teaches."
    aside=${html`<button type="button" disabled=${!canAsk || isBusy} onClick=${test}>${isBusy ? "Asking …" : "Send a test query"}</button>`}>
    ${!configuration.edgeUrl && html`<p class="hint">This console was not told where the edge is, so it cannot ask it.</p>`}
    ${!datastream.decisionIds.length && html`<p class="hint">It serves no decision yet, so there is nothing to ask for.</p>`}
    ${problem && html`<${Failure} error=${problem} />`}
    <div aria-live="polite">${answer && html`<${Answered} answer=${answer} />`}</div>
  <//>`;
}

async function ask(datastream) {
  const decisions = await Promise.all(datastream.decisionIds.slice(0, MOST_SCOPES).map((id) => get(`decisions/${id}`)));
  const address = new URL(`${configuration.edgeUrl}/v1/interact`);
  address.search = new URLSearchParams({ configId: datastream.id, requestId: crypto.randomUUID() });
  const event = {
    xdm: { eventType: "decisioning.propositionFetch", timestamp: new Date().toISOString() },
    data: { __adobe: { ajo: { dryRun: true } } },
    query: { personalization: { decisionScopes: decisions.map((one) => one.name) } }, // their surfaces would ask for them twice
  };
  const began = performance.now();
  const response = await fetch(address, { method: "POST", body: JSON.stringify({ events: [event] }), headers: { "Content-Type": "text/plain; charset=UTF-8" }, credentials: "omit" });
  const text = await response.text();
  return { status: response.status, asked: decisions.length, took: performance.now() - began, body: text ? JSON.parse(text) : null };
}

function Answered({ answer }) {
  const { status, asked, body, took } = answer;
  const propositions = (body?.handle ?? []).filter((one) => one.type === "personalization:decisions").flatMap((one) => one.payload);
  const isForeign = status === 403 && /origin/i.test(JSON.stringify(body));
  return html`
    ${status < 300 ? html`<${Notice} kind="good" title="It answers"><p>${status} after ${Math.round(took)} ms, ${propositions.length} of ${plural(asked, "decision")}.</p><//>`
      : html`<${Notice} kind="problem" title="Refused: ${body?.title ?? status}"><p>${body?.detail}</p>
        ${isForeign && html`<p>The datastream answers only pages of its origins. To test from here, add <code>${location.origin}</code> to them.</p>`}<//>`}
    ${propositions.map((one) => html`<p><strong><bdi class="name">${one.scope}</bdi></strong>: ${one.items.map((item) => html`<bdi class="name">${item.id}</bdi>${item.score !== undefined && html` <span class="note inline">score ${number(item.score)}</span>`} `)}</p>`)}
    <details><summary>The whole answer</summary><pre class="snippet" tabindex="0" aria-label="The whole answer"><code>${JSON.stringify(body, null, 2)}</code></pre></details>`;
}
