// Choosing several of many, with search, and typing what is not among them.
import { html, useMemo, useState } from "../view.js";
import { folded } from "./folding.js";

const SHOWN = 60;

/**
 * Checkboxes of `options` ({value, label, note?, why?}); one with `why` cannot be chosen, and says so.
 * `typed`: the label of a box in which other values can be typed.
 */
export function Choice({ id, options, chosen, onChange, typed, most = Infinity, searchLabel = "Search" }) {
  const [text, setText] = useState("");
  const everything = useMemo(() => withTyped(options, chosen), [options, chosen]);
  const found = everything.filter((one) => folded(one.label).includes(folded(text)));
  const toggle = (value) => onChange(chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value]);
  return html`<div class="choice">
    ${everything.length > 8 && html`<label class="search"><span class="sr-only">${searchLabel}</span>
      <input type="search" placeholder=${searchLabel} value=${text} onInput=${(event) => setText(event.target.value)} onKeyDown=${swallowEnter} /></label>`}
    ${everything.length > 0 && html`<ul class="options">
      ${found.slice(0, SHOWN).map((one) => html`<li key=${one.value}><label class=${one.why ? "option barred" : "option"}>
        <input type="checkbox" checked=${chosen.includes(one.value)} onChange=${() => toggle(one.value)}
          disabled=${!chosen.includes(one.value) && (Boolean(one.why) || chosen.length >= most)} />
        <span><bdi class="name">${one.label}</bdi>${one.note && html`<span class="note">${one.note}</span>`}${one.why && html`<span class="why">${one.why}</span>`}</span>
      </label></li>`)}
      ${found.length > SHOWN && html`<li class="note">${found.length - SHOWN} more: search for them.</li>`}
    </ul>`}
    ${typed && html`<${Typed} id=${id} label=${typed} isFull=${chosen.length >= most} onAdd=${(value) => !chosen.includes(value) && onChange([...chosen, value])} />`}
  </div>`;
}

function Typed({ id, label, isFull, onAdd }) {
  const [text, setText] = useState("");
  const add = () => {
    const value = text.trim();
    if (!value || isFull) return;
    onAdd(value);
    setText("");
  };
  const onKeyDown = (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault(); // adds to the list, and does not send the form
    add();
  };
  return html`<div class="typed">
    <label class="sr-only" for=${`${id}-typed`}>${label}</label>
    <input id=${`${id}-typed`} value=${text} placeholder=${label} maxlength="256" dir="auto" onInput=${(event) => setText(event.target.value)} onKeyDown=${onKeyDown} />
    <button type="button" onClick=${add} disabled=${isFull || !text.trim()}>Add</button>
  </div>`;
}

const swallowEnter = (event) => event.key === "Enter" && event.preventDefault();

function withTyped(options, chosen) {
  const known = new Set(options.map((one) => one.value));
  const others = chosen.filter((value) => !known.has(value)).map((value) => ({ value, label: value, note: "typed" }));
  return [...options, ...others];
}
