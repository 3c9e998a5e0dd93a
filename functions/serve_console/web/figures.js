// Numbers, shares and times as people read them.
import { html } from "./view.js";

const whole = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const moment = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const ago = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const NONE = "–";

export const count = (value) => (value === null || value === undefined ? NONE : whole.format(value));
export const number = (value) => (value === null || value === undefined ? NONE : compact.format(value));

/** 0.0347 -> "3.47 %"; digits follow the size, so that 0.002 and 0.4 are both told from their neighbours. */
export function percent(value) {
  if (value === null || value === undefined) return NONE;
  const hundredfold = 100 * value;
  const size = Math.abs(hundredfold);
  if (size > 0 && size < 0.0005) return "< 0.001 %";
  const digits = size === 0 || size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3;
  return `${hundredfold.toFixed(digits).replace("-", "−")} %`;
}

export function signedPercent(value) {
  if (value === null || value === undefined) return NONE;
  return `${value > 0 ? "+" : ""}${percent(value)}`;
}

export const percentRange = (interval, show = percent) =>
  interval ? `${show(interval[0])} to ${show(interval[1])}` : NONE;

export const bytes = (value) =>
  value < 1e3 ? `${value} B` : value < 1e6 ? `${number(value / 1e3)} kB` : value < 1e9 ? `${number(value / 1e6)} MB` : `${number(value / 1e9)} GB`;

const STEPS = [["second", 60], ["minute", 60], ["hour", 24], ["day", 30], ["month", 12], ["year", Infinity]];

export function relative(text, now = Date.now()) {
  let passed = (Date.parse(text) - now) / 1000;
  for (const [unit, most] of STEPS) {
    if (Math.abs(passed) < most) return ago.format(Math.round(passed), unit);
    passed /= most;
  }
  return text;
}

export const absolute = (text) => moment.format(Date.parse(text));

/** A moment: how long ago, with the date on hover and for machines. */
export function When({ at }) {
  if (!at) return NONE;
  return html`<time datetime=${at} title=${absolute(at)}>${relative(at)}</time>`;
}

/** Text that somebody typed: in whatever direction its letters run, it disturbs nothing around it. */
export const Name = ({ children }) => html`<bdi class="name">${children}</bdi>`;

/** "1 offer", "2 offers". */
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
