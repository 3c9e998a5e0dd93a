// What forms do alike: keep what was typed, send it once, keep what was wrong, tell what was changed.
import { useEffect, useRef, useState } from "../view.js";
import { Problem } from "../api.js";
import { person } from "../session.js";

/**
 * The values of a form and a way to change them: by some values, or by a function of those before. They are kept in this tab until `forget`, so that whoever has to sign
 * in again on the way, or reloads by mistake, finds the form as it was left.
 */
export function useDraft(place, initial) {
  const name = `offer-ranking.draft.${person()}.${place}`;
  const [values, setValues] = useState(() => ({ ...initial, ...read(name) }));
  const change = (given) =>
    setValues((before) => {
      const after = { ...before, ...(typeof given === "function" ? given(before) : given) };
      sessionStorage.setItem(name, JSON.stringify(after));
      return after;
    });
  return { values, change, forget: () => sessionStorage.removeItem(name) };
}

const read = (name) => JSON.parse(sessionStorage.getItem(name) ?? "{}");

/** An Idempotency-Key, made when the form opens: however often it is sent, one thing is made. */
export function useOnceKey() {
  const key = useRef(crypto.randomUUID());
  return { key: key.current, renew: () => (key.current = crypto.randomUUID()) };
}

/** {problem, isBusy, run}: run an action of a form, and keep its problem to be shown. */
export function useAction() {
  const [state, setState] = useState({ problem: null, isBusy: false });
  const run = async (act) => {
    setState({ problem: null, isBusy: true });
    try {
      await act();
      setState({ problem: null, isBusy: false });
    } catch (problem) {
      setState({ problem, isBusy: false });
    }
  };
  return { ...state, run };
}

/** Text that settles: what was typed, once nothing was typed for a while. */
export function useSettled(value, ms = 300) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

/** The fields of `after` that are not as in `before`: a PATCH says no more than what was changed. */
export function changes(before, after) {
  const differs = ([name, value]) => JSON.stringify(value ?? null) !== JSON.stringify(before[name] ?? null);
  return Object.fromEntries(Object.entries(after).filter(differs));
}

/** Any value of a definition in a few words. */
export function written(value) {
  if (value === null || value === undefined || value === "") return "–";
  if (Array.isArray(value)) {
    if (!value.length) return "none";
    return value.some((one) => typeof one === "object") ? `${value.length} entries` : value.join(", ");
  }
  if (typeof value === "object") return Object.entries(value).map(([name, one]) => `${name}: ${written(one)}`).join("; ");
  return String(value);
}

/** What is wrong with fields before anything is sent, told as the API would: `errors` are [{pointer, detail}]. */
export const refusal = (errors, title = "Not kept yet") => new Problem({ title, errors });

/** Text as JSON; what is none is told at its field, as the API would. */
export function readJson(text, pointer) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw refusal([{ pointer, detail: error.message }], "This is no JSON");
  }
}
