// Creating and editing any definition: sent once, refused at its fields, and never over somebody else's edit unasked.
import { html, useEffect, useState } from "../view.js";
import { call } from "../api.js";
import { useResource } from "../resource.js";
import { go } from "../router.js";
import { mayManage } from "../session.js";
import { Dialog } from "./dialog.js";
import { changes, useAction, useDraft, useOnceKey, written } from "./form.js";
import { say, Waiting } from "./notice.js";
import { Page } from "./page.js";
import { NotAllowed } from "./permission.js";

/** The page of a form; who may not send it is told so in its place. The rest is as Loaded takes it. */
export function Editor({ title, crumbs, ...rest }) {
  return html`<${Page} title=${title} crumbs=${crumbs}>${mayManage() ? html`<${Loaded} title=${title} ...${rest} />` : html`<${NotAllowed} />`}<//>`;
}

/**
 * Loads what is edited, or begins with `blank`, and shows `Form` with it: {id, kind, before, etag, reload}. A definition
 * that was changed meanwhile gets a new form.
 */
function Loaded({ kind, id, blank, title, form: Form }) {
  const before = useResource(async (signal) => (id ? call("GET", `${kind}/${encodeURIComponent(id)}`, { signal }) : { data: blank, etag: null }), [id]);
  if (!before.data) return html`<${Waiting} resource=${before} what=${title} />`;
  const { data, etag } = before.data;
  return html`<${Form} key=${etag} kind=${kind} id=${data.id} before=${data} etag=${etag} reload=${before.reload} />`;
}

/**
 * What a form needs: its values, how to change them, `create` and `save`, the problem, and `overtaken`, a dialog to be
 * drawn where somebody else was faster. `initial`: the values at the beginning; `body(values)`: what the API gets, or
 * a promise of it.
 */
export function useEditor({ kind, id, etag, initial, body, labels, reload }) {
  // A draft belongs to one version: one that was begun before somebody else's edit must not silently undo that.
  const { values, change, forget } = useDraft(`${kind}/${id ?? "new"}/${etag ?? ""}`, initial);
  const { problem, isBusy, run } = useAction();
  const { key, renew } = useOnceKey();
  const [mine, setMine] = useState(null);

  const create = (message, then) => run(async () => {
    const made = await call("POST", kind, { body: await body(values), key }).catch((refused) => {
      if (refused.status) renew(); // a refused form is corrected: that is another request, which needs another key
      throw refused;
    });
    forget();
    await then?.(made.data);
    go(kind, made.data.id);
    say(message);
  });
  const save = (match = etag) => run(async () => {
    const edit = changes(await body(initial), await body(values));
    try {
      await call("PATCH", `${kind}/${id}`, { body: edit, etag: match });
    } catch (refused) {
      if (refused.status !== 412) throw refused;
      return setMine(edit);
    }
    forget();
    go(kind, id);
    return say("Your changes are saved.");
  });
  const leave = (act) => (...given) => {
    setMine(null);
    act(...given);
  };
  const overtaken = mine && html`<${Overtaken} path="${kind}/${id}" mine=${mine} labels=${labels} onClose=${leave(() => {})}
    reload=${leave(() => (forget(), reload()))} overwrite=${leave(save)} />`;
  return { values, change, forget, problem, errors: problem?.errors ?? [], isBusy, create, save, overtaken };
}

/**
 * Somebody else's edit came between: what they made of it, what you would, and the choice. `overwrite` sends yours onto
 * theirs; `reload` drops yours.
 */
function Overtaken({ path, mine, labels, reload, overwrite, onClose }) {
  const [theirs, setTheirs] = useState(null);
  useEffect(() => {
    call("GET", path).then(setTheirs, () => setTheirs({ data: {}, etag: null }));
  }, []);
  const rows = Object.entries(mine).map(([name, value]) => [labels[name] ?? name, theirs?.data[name], value]);
  return html`<${Dialog} title="Somebody else has edited this meanwhile" onClose=${onClose} wide>
    <p>Your changes were not saved, so that none of theirs is lost. Reload to start from what is there now, or overwrite these fields with yours.</p>
    <table class="compare">
      <thead><tr><th scope="col">Field</th><th scope="col">There now</th><th scope="col">Yours</th></tr></thead>
      <tbody>${rows.map(([name, there, value]) => html`<tr><th scope="row">${name}</th><td><bdi>${theirs ? written(there) : "…"}</bdi></td><td><bdi>${written(value)}</bdi></td></tr>`)}</tbody>
    </table>
    <div class="actions">
      <button type="button" onClick=${onClose}>Go on editing</button>
      <button type="button" disabled=${!theirs?.etag} class="danger" onClick=${() => overwrite(theirs.etag)}>Overwrite with mine</button>
      <button type="button" class="primary" onClick=${reload}>Reload, drop mine</button>
    </div>
  <//>`;
}

