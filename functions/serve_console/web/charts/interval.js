// An interval as a small picture beside its figures: a line from end to end, a mark at the value.
import { html } from "../view.js";

const WIDTH = 150;
const HEIGHT = 18;

/** `from` and `to` are the ends of the scale that all rows share; `zero` is marked where it lies between. */
export function Interval({ value, interval, from, to }) {
  const place = (one) => 4 + ((WIDTH - 8) * (Math.min(Math.max(one, from), to) - from)) / (to - from || 1);
  const middle = HEIGHT / 2;
  return html`<svg class="interval" width=${WIDTH} height=${HEIGHT} viewBox="0 0 ${WIDTH} ${HEIGHT}" aria-hidden="true" focusable="false">
    ${from < 0 && to > 0 && html`<line class="zero" x1=${place(0)} x2=${place(0)} y1="1" y2=${HEIGHT - 1} />`}
    ${interval && html`<g><line class="span" x1=${place(interval[0])} x2=${place(interval[1])} y1=${middle} y2=${middle} />
      ${interval.map((end) => html`<line class="span" x1=${place(end)} x2=${place(end)} y1=${middle - 4} y2=${middle + 4} />`)}</g>`}
    ${value !== null && value !== undefined && html`<circle class="value" cx=${place(value)} cy=${middle} r="3.5" />`}
  </svg>`;
}
