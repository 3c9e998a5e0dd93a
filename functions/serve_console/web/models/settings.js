// How a model learns. The defaults suit a shop; each says what it does.
import { html } from "../view.js";
import { Field } from "../parts/field.js";

export function Settings({ settings, change, errors }) {
  const isOpen = errors.some((one) => one.pointer.startsWith("/settings"));
  const numeric = (name, scale = 1) => (event) => change({ [name]: event.target.value === "" ? null : rounded(Number(event.target.value) / scale) });
  const shown = (name, scale = 1) => (settings[name] === null ? "" : rounded(settings[name] * scale));
  return html`<details class="section settings" open=${isOpen}><summary><h2>Settings</h2><span class="note">the defaults are good to begin with</span></summary>
    <${Field} label="Random share, in percent" pointer="/settings/randomShare" required errors=${errors}
      hint="The part of traffic that is ranked at random, so that lift can be measured. 1 to 50, by default 5.">${(field) => html`<input ...${field} type="number" inputmode="decimal" min="1" max="50" step="any" value=${shown("randomShare", 100)} onChange=${numeric("randomShare", 100)} />`}<//>
    <${Field} label="Window, in days" pointer="/settings/windowDays" errors=${errors}
      hint="Events older than this are forgotten. Empty: none is. By default 30.">${(field) => html`<input ...${field} type="number" inputmode="numeric" min="1" max="3650" step="1" value=${shown("windowDays")} onChange=${numeric("windowDays")} />`}<//>
    <${Field} label="Half-life, in days" pointer="/settings/halfLifeDays" errors=${errors}
      hint="An event of so many days ago counts half. Empty, the default: all events in the window count alike.">${(field) => html`<input ...${field} type="number" inputmode="decimal" min="0" max="3650" step="any" value=${shown("halfLifeDays")} onChange=${numeric("halfLifeDays")} />`}<//>
    <${Field} label="Exploration" pointer="/settings/exploration" required errors=${errors}
      hint="Below 1 the model keeps closer to what it knows, above 1 it tries more. 0.1 to 2, by default 1.">${(field) => html`<input ...${field} type="number" inputmode="decimal" min="0.1" max="2" step="any" value=${shown("exploration")} onChange=${numeric("exploration")} />`}<//>
  </details>`;
}

const rounded = (value) => Number(value.toPrecision(12)); // 0.07 * 100 is 7.000000000000001
