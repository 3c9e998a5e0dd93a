// "Why this offer?": what the model would rank now, or the answer to an earlier ranking, repeated and explained. It is a
// replay always: who may only read asks for no ranking, and nothing that is shown here teaches.
import { html, useState } from "../view.js";
import { call, get } from "../api.js";
import { number, percent } from "../figures.js";
import { Field, FormProblem } from "../parts/field.js";
import { readJson, useAction } from "../parts/form.js";
import { Notice } from "../parts/notice.js";
import { Section } from "../parts/page.js";
import { DataTable } from "../parts/table.js";

const POINTERS = ["/offers", "/audiences", "/context", "/seed", "/earlier"];
const COLUMNS = [
  { title: "Offer", value: (row) => row.id, show: (row) => html`<bdi class="name">${row.id}</bdi>` },
  { title: "Rank", number: true, value: (row) => row.rank },
  { title: "Score", number: true, hint: "What was drawn for it, or its priority: the highest comes first", value: (row) => row.score, show: (row) => number(row.score) },
  { title: "Propensity", number: true, hint: "How probably it comes first for these candidates", value: (row) => row.propensity, show: (row) => percent(row.propensity) },
];
const TRAFFIC = { random: "at random, as part of the random share or because nothing is learned yet", noncontextual: "by the rates of everybody", contextual: "for this person, by audiences and context" };

export function Receipt({ model }) {
  const [values, setValues] = useState({ offers: "", audiences: "", context: "{}", seed: "", earlier: "" });
  const [found, setFound] = useState(null);
  const { problem, isBusy, run } = useAction();
  const errors = problem?.errors ?? [];
  const type = (name) => (event) => setValues((before) => ({ ...before, [name]: event.target.value }));
  const explain = (event) => {
    event.preventDefault();
    run(async () => setFound(values.earlier.trim() ? await repeated(model, values) : await now(model, values)));
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

const MOST_SEEDS = 2 ** 53;

/** As the model would rank now: by the snapshot that its report names, 0 before there is one. */
async function now(model, values) {
  const { snapshotVersion } = await get(`models/${model.id}/report`);
  const offers = lines(values.offers).map((id) => ({ id }));
  const seed = values.seed.trim() ? Number(values.seed) : Math.floor(Math.random() * MOST_SEEDS);
  return replayed(model, { ...circumstances(model, values), ...(offers.length ? { offers } : {}), seed, snapshotVersion: snapshotVersion ?? 0 });
}

/** What a ranking was asked with stands in its proposition: for whom as its cell, which offers with their versions. */
function repeated(model, values) {
  const ranking = readJson(values.earlier, "/earlier");
  const { cell, etags = {} } = ranking.proposition?.scopeDetails?.characteristics ?? {};
  const { a: audiences = [], c: context = {} } = JSON.parse(cell || "{}");
  const offers = (ranking.offers ?? []).map(({ id }) => (etags[id] ? { id, etag: etags[id] } : { id }));
  return replayed(model, { ...(model.type === "personalized" ? { audiences, context } : {}), offers, seed: ranking.seed, snapshotVersion: ranking.snapshot?.version ?? 0 });
}

const replayed = async (model, body) => (await call("POST", `models/${model.id}/rankings/replay`, { body })).data;
