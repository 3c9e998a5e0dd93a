// Something that is loaded from the API, and stays fresh while somebody looks at it.
import { useEffect, useRef, useState } from "./view.js";

const SLOW_MS = 1500;

/**
 * {data, error, isSlow, at, reload} of `load(signal)`, loaded anew when one of `deps` changes, and every `every`
 * milliseconds while the page is visible. What was loaded stays on the screen while it is loaded again, also when that
 * fails: figures of a minute ago are better than none, and `error` says so.
 */
export function useResource(load, deps, { every = 0 } = {}) {
  const [state, setState] = useState({});
  const [turn, setTurn] = useState(0);
  const loaded = useRef(null);
  useEffect(() => {
    const away = new AbortController();
    if (loaded.current !== null && !same(loaded.current, deps)) setState({});
    loaded.current = deps;
    const slow = setTimeout(() => setState((before) => ({ ...before, isSlow: true })), SLOW_MS);
    let timer;
    const wait = (took) => {
      // A report that takes a second is not asked for every three: polling may take a tenth of the time, no more.
      if (every && !away.signal.aborted) timer = setTimeout(whenVisible(refresh, away.signal), Math.max(every, 9 * took));
    };
    async function refresh() {
      const began = performance.now();
      try {
        const data = await load(away.signal);
        if (!away.signal.aborted) setState({ data, at: Date.now() });
      } catch (error) {
        if (away.signal.aborted) return;
        setState((before) => ({ ...before, error, isSlow: false }));
      }
      clearTimeout(slow);
      wait(performance.now() - began);
    }
    refresh();
    return () => {
      away.abort();
      clearTimeout(slow);
      clearTimeout(timer);
    };
  }, [...deps, turn]);
  return { ...state, reload: () => setTurn((before) => before + 1) };
}

/** Several calls, a few at a time: a page of a list must not start fifty reports at once. */
export async function fewAtATime(tasks, most = 4) {
  const waiting = [...tasks];
  const worker = async () => {
    for (let task = waiting.shift(); task; task = waiting.shift()) await task();
  };
  await Promise.all(Array.from({ length: most }, worker));
}

const same = (left, right) => left.length === right.length && left.every((one, n) => Object.is(one, right[n]));

function whenVisible(act, signal) {
  return () => {
    if (!document.hidden) return act();
    const shown = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", shown);
      act();
    };
    return document.addEventListener("visibilitychange", shown, { signal });
  };
}
