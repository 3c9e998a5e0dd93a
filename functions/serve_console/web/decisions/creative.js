// The fields of what is shown: of an offer, and of a fallback.
import { html } from "../view.js";
import { Field } from "../parts/field.js";
import { refusal } from "../parts/form.js";

export const FORMATS = ["text/html", "text/plain", "application/json", "image/png", "image/jpeg", "image/webp", "image/svg+xml"];
export const FIELDS = ["id", "format", "content", "deliveryURL", "language", "etag", "characteristics"];
export const BLANK = { id: "", etag: "", format: "text/html", content: "", deliveryURL: "", language: "", characteristics: "", given: {} };

/** As the form has it: text where the API has lists and objects. `given` are the characteristics that the text tells. */
export const toForm = (creative) => ({
  ...BLANK, ...creative,
  content: creative.content ?? "", deliveryURL: creative.deliveryURL ?? "",
  language: (creative.language ?? []).join(", "),
  characteristics: told(creative.characteristics ?? {}),
  given: creative.characteristics ?? {},
});

const told = (characteristics) => Object.entries(characteristics).map(([name, value]) => `${name}: ${value}`).join("\n");

/**
 * As the API takes it. Without a version of its own, it gets one by its content: other content, another version. `at` is
 * the pointer of the creative in the API's document. Throws a Problem for characteristics that cannot be read.
 */
export async function fromForm({ id, etag, format, content, deliveryURL, language, characteristics, given = {} }, at) {
  const lies = format.startsWith("image/") || (deliveryURL && !content) ? { deliveryURL } : { content };
  // Text that nobody touched stands for what it was made of: a name may have a colon in it, a value may have lines.
  const pairs = characteristics === told(given) ? given : read(characteristics, `${at}/characteristics`);
  const creative = { id: id.trim(), format, ...lies, language: parts(language, ","), characteristics: pairs };
  return { ...creative, etag: etag.trim() || (await versionOf(creative)) };
}

async function versionOf(creative) {
  const bytes = new TextEncoder().encode(JSON.stringify(creative));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest.slice(0, 5), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const parts = (text, by) => text.split(by).map((one) => one.trim()).filter(Boolean);

function read(text, pointer) {
  const found = new Map();
  for (const line of parts(text, "\n")) {
    const [, name, value] = /^([^:]*[^:\s])\s*:(.*)$/.exec(line) ?? [];
    if (!name) throw refusal([{ pointer, detail: `“${line}” is not a name, a colon and a value` }]);
    if (found.has(name)) throw refusal([{ pointer, detail: `“${name}” stands twice` }]);
    found.set(name, value.trim());
  }
  return Object.fromEntries(found);
}

/** `at`: the pointer of the creative in the API's document. */
export function Creative({ at, values, change, errors }) {
  const type = (name) => (event) => change({ [name]: event.target.value });
  const isImage = values.format.startsWith("image/");
  return html`
    <div class="two">
      <${Field} label="Id" pointer="${at}/id" required errors=${errors}>${(field) => html`<input ...${field} value=${values.id} maxlength="256" dir="auto" autocomplete="off" onInput=${type("id")} />`}<//>
      <${Field} label="Format" pointer="${at}/format" required errors=${errors}>${(field) => html`<select ...${field} value=${values.format} onChange=${type("format")}>${[...new Set([...FORMATS, values.format])].map((one) => html`<option value=${one}>${one}</option>`)}</select>`}<//>
    </div>
    ${!isImage && html`<${Field} label="Content" pointer="${at}/content" required errors=${errors} hint=${values.format === "application/json" ? "A JSON document." : "As it is sent to the page."}>${(field) => html`<textarea ...${field} rows="4" dir="auto" spellcheck=${false} value=${values.content} onInput=${type("content")}></textarea>`}<//>`}
    <${Field} label="Delivery URL" pointer="${at}/deliveryURL" required=${isImage} errors=${errors} hint=${isImage ? "Where the image lies." : "Instead of content, where it lies elsewhere."}>${(field) => html`<input ...${field} type="url" value=${values.deliveryURL} onInput=${type("deliveryURL")} />`}<//>
    <div class="two">
      <${Field} label="Languages" pointer="${at}/language" errors=${errors} hint="Such as en-us, de.">${(field) => html`<input ...${field} value=${values.language} onInput=${type("language")} />`}<//>
      <${Field} label="Version" pointer="${at}/etag" errors=${errors} hint="With another one the offer's evidence begins anew. Empty: by its content.">${(field) => html`<input ...${field} value=${values.etag} maxlength="256" onInput=${type("etag")} />`}<//>
    </div>
    <${Field} label="Characteristics" pointer="${at}/characteristics" errors=${errors} hint="One a line, as name: value.">${(field) => html`<textarea ...${field} rows="2" dir="auto" value=${values.characteristics} onInput=${type("characteristics")}></textarea>`}<//>`;
}
