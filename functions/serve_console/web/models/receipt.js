// "Why this offer?": rank once, or paste the answer to an earlier ranking, and have it repeated and explained.
import { html, useState } from "../view.js";
import { call } from "../api.js";
import { number, percent } from "../figures.js";
import { Field, FormProblem } from "../parts/field.js";
import { readJson, useAction } from "../parts/form.js";
import { Notice } from "../parts/notice.js";
import { Section } from "../parts/page.js";
import { DataTable } from "../parts/table.js";
import { may } from "../session.js";

const POINTERS = ["/offers", "/audiences", "/context", "/seed", "/earlier"];
const COLUMNS = [
  { title: "Offer", value: (row) => row.id, show: (row) => html`<bdi class="name">${row.id}</bdi>` },
  { title: "Rank", number: true, value: (row) => row.rank },
  { title: "Score", number: true, hint: "What was drawn for it, or its priority: the highest comes first", value: (row) => row.score, show: (row) => number(row.score) },
  { title: "Propensity", number: true, hint: "How probably it comes first for these candidates", value: (row) => row.propensity, show: (row) => percent(row.propensity) },
];
const TRAFFIC = { random: "at random, as part of the random share or because nothing is learned yet", noncontextual: "by the rates of everybody", contextual: "for this person, by audiences and context" };

export function Receipt({ model }) {
  if (!may("ranking.rank")) return html`<${NotAllowed} />`;
  return html`<${Asked} model=${model} />`;
}

function NotAllowed() {
  return html`<${Notice} kind="info" title="Needs the permission ranking.rank">
    <p>A receipt repeats a ranking, and rankings are asked for by shops and servers, not by people: the groups <code>ranking-managers</code> and <code>ranking-readers</code> do not have that permission. Who has a client with the scope <code>offer-ranking/ranking.rank</code> can send the ranking's seed, snapshot and offers to <code>POST /models/{id}/rankings/replay</code>, and gets the same order with the reason.</p>
  <//>`;
}

function Asked({ model }) {
  const [values, setValues] = useState({ offers: "", audiences: "", context: "{}", seed: "", earlier: "" });
  const [found, setFound] = useState(null);
  const { problem, isBusy, run } = useAction();
  const errors = problem?.errors ?? [];
  const type = (name) => (event) => setValues((before) => ({ ...before, [name]: event.target.value }));
  const explain = (event) => {
    event.preventDefault();
    run(async () => setFound(values.earlier.trim() ? await repeated(model, values) : await ranked(model, values)));
  };
  return html`<${Section} id="receipt" title="Why this offer?" hint="Every ranking can be repeated by its seed, its snapshot and its offers, with the same numbers.">
    <form class="form narrow" onSubmit=${explain} noValidate>
      <${FormProblem} problem=${problem} known=${POINTERS} />
      <${Field} label="Offers, one a line" pointer="/offers" errors=${errors} hint="Empty: all that the model knows.">${(field) => html`<textarea ...${field} rows="4" value=${values.offers} onInput=${type("offers")}></textarea>`}<//>
      ${model.type === "personalized" && html`<${Field} label="Audiences, one a line" pointer="/audiences" errors=${errors}>${(field) => html`<textarea ...${field} rows="2" value=${values.audiences} onInput=${type("audiences")}></textarea>`}<//>
        <${Field} label="Context, as JSON" pointer="/context" errors=${errors}>${(field) => html`<input ...${field} value=${values.context} onInput=${type("context")} />`}<//>`}
      <${Field} label="Seed" pointer="/seed" errors=${errors} hint="Empty: any.">${(field) => html`<input ...${field} inputmode="numeric" value=${values.seed} onInput=${type("seed")} />`}<//>
      <${Field} label="Or the answer to an earlier ranking, as JSON" pointer="/earlier" errors=${errors} hint="Then that one is repeated, for the same person.">${(field) => html`<textarea ...${field} rows="3" value=${values.earlier} onInput=${type("earlier")}></textarea>`}<//>
      <div class="actions"><button type="submit" class="primary" disabled=${isBusy}>Explain</button></div>
    </form>
    <div aria-live="polite">${found && html`<${Explained} found=${found} />`}</div>
  <//>`;
}

function Explained({ found }) {
  return html`<${Notice} kind="good" title="Why it comes first"><p><bdi>${found.reason}</bdi></p>
      <p class="note">Ranked ${TRAFFIC[found.trafficType]}. Seed ${found.seed}, snapshot ${found.snapshotVersion}, ${found.receipt.algorithm}.</p><//>
    <${DataTable} caption="The ranking, repeated" columns=${COLUMNS} rows=${found.offers} rowKey=${(row) => row.id} />`;
}

const lines = (text) => text.split("\n").map((one) => one.trim()).filter(Boolean);

function circumstances(model, values) {
  if (model.type !== "personalized") return {};
  return { audiences: lines(values.audiences), context: readJson(values.context || "{}", "/context") };
}

/** Rank now, and have that explained. */
async function ranked(model, values) {
  const offers = lines(values.offers).map((id) => ({ id }));
  const asked = { ...circumstances(model, values), ...(offers.length ? { offers } : {}), ...(values.seed ? { seed: Number(values.seed) } : {}) };
  const { data } = await call("POST", `models/${model.id}/rankings`, { body: asked });
  return replayed(model, data, circumstances(model, values));
}

/** What a ranking was asked with stands in its proposition: for whom as its cell, which offers with their versions. */
function repeated(model, values) {
  const ranking = readJson(values.earlier, "/earlier");
  const { a: audiences = [], c: context = {} } = JSON.parse(ranking.proposition?.scopeDetails?.characteristics?.cell || "{}");
  return replayed(model, ranking, model.type === "personalized" ? { audiences, context } : {});
}

async function replayed(model, ranking, around) {
  const etags = ranking.proposition?.scopeDetails?.characteristics?.etags ?? {};
  const offers = (ranking.offers ?? []).map(({ id }) => (etags[id] ? { id, etag: etags[id] } : { id }));
  const body = { ...around, offers, seed: ranking.seed, snapshotVersion: ranking.snapshot?.version ?? 0 };
  return (await call("POST", `models/${model.id}/rankings/replay`, { body })).data;
}
