// Who changed a definition, when, and from what to what.
import { html } from "../view.js";
import { get } from "../api.js";
import { When } from "../figures.js";
import { useResource } from "../resource.js";
import { changes, written } from "./form.js";
import { Waiting } from "./notice.js";

// These move with every change and say nothing of it; what a model learned is told by its report.
const SILENT = new Set(["version", "updatedAt", "createdAt", "training", "snapshot", "id", "eligible", "reason"]);

/** `path` answers with {results, next?}: changes, oldest first. Shown are the newest first. */
export function History({ path }) {
  const history = useResource((signal) => everything(path, signal), [path]);
  if (!history.data) return html`<${Waiting} resource=${history} what="History" />`;
  return html`<ol class="history" reversed>
    ${history.data.map((change) => html`<li key=${change.version + change.action}>
      <p><strong>${verb(change.action)}</strong> by <bdi>${change.who}</bdi>, <${When} at=${change.at} /></p>
      <dl class="diff">${differences(change).map(([name, before, after]) => html`<div><dt>${name}</dt><dd>${change.before && html`<del><bdi>${written(before)}</bdi></del> → `}<ins><bdi>${written(after)}</bdi></ins></dd></div>`)}</dl>
    </li>`)}
  </ol>`;
}

async function everything(path, signal) {
  const found = [];
  let start;
  do {
    const page = await get(path, start ? { start } : {}, signal);
    found.push(...page.results);
    start = page.next;
  } while (start);
  return found.reverse();
}

const VERBS = { create: "Created", edit: "Edited", update: "Edited", activate: "Activated", deactivate: "Deactivated", archive: "Archived", duplicate: "Duplicated", delete: "Deleted" };
const verb = (action) => VERBS[action] ?? action;

function differences({ before, after }) {
  if (!after) return [];
  return Object.keys(changes(before ?? {}, after)).filter((name) => !SILENT.has(name)).map((name) => [name, before?.[name], after[name]]);
}
