// Addresses inside the application: `#/models/<id>/history?days=7`, a path and a query behind the hash.
//
// The hash never reaches the server, so the application works below any stage of any API without being told where.
import { useLayoutEffect, useState } from "./view.js";

/** {path, steps, query}: steps are the path's, decoded. */
export function place() {
  const [path, query = ""] = location.hash.replace(/^#/, "").split("?", 2);
  const steps = path.split("/").filter(Boolean).map(decoded);
  return { path: path || "/", steps, query: new URLSearchParams(query) };
}

/** An address of the application, for an `href`: link("models", id) or link("models", {status: "live"}). */
export function link(...parts) {
  const query = typeof parts.at(-1) === "object" ? parts.pop() : {};
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const path = `#/${parts.map(encodeURIComponent).join("/")}`;
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

export const go = (...parts) => {
  location.hash = link(...parts);
};

/** Change the query of the present address, without a step in the history for every letter typed. */
export function refine(changes) {
  const { steps, query } = place();
  history.replaceState(null, "", link(...steps, { ...Object.fromEntries(query), ...changes }));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

export function usePlace() {
  const [now, setNow] = useState(place);
  useLayoutEffect(() => { // before anybody can move: a move that nobody listens for would be lost
    const moved = () => setNow(place());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return now;
}

function decoded(step) {
  try {
    return decodeURIComponent(step);
  } catch {
    return step; // an address typed by hand
  }
}
