// The application: signs in, shows the page of the address, and around it the way to the others.
import { html, render, useEffect, useErrorBoundary, useState } from "./view.js";
import { signedOut } from "./api.js";
import { Dialog } from "./parts/dialog.js";
import { Notice, Spoken, Unloaded } from "./parts/notice.js";
import { Page } from "./parts/page.js";
import { link, usePlace } from "./router.js";
import { isSignedIn, may, mayManage, person, signIn, signOut, start } from "./session.js";

// Pages are loaded when they are first opened. {name} stands for any one step of the address; the first that fits counts.
const PAGES = [
  ["models", () => import("./models/list.js")],
  ["models/new", () => import("./models/form.js")],
  ["models/{id}/edit", () => import("./models/form.js")],
  ["models/{id}", () => import("./models/page.js")],
  ["models/{id}/{part}", () => import("./models/page.js")],
  ["datasets", () => import("./datasets/list.js")],
  ["datasets/new", () => import("./datasets/form.js")],
  ["datasets/{id}/edit", () => import("./datasets/form.js")],
  ["datasets/{id}", () => import("./datasets/page.js")],
  ["datasets/{id}/{part}", () => import("./datasets/page.js")],
  ["decisions", () => import("./decisions/list.js")],
  ["decisions/new", () => import("./decisions/form.js")],
  ["decisions/{id}/edit", () => import("./decisions/form.js")],
  ["decisions/{id}", () => import("./decisions/page.js")],
  ["datastreams", () => import("./datastreams/list.js")],
  ["datastreams/new", () => import("./datastreams/form.js")],
  ["datastreams/{id}/edit", () => import("./datastreams/form.js")],
  ["datastreams/{id}", () => import("./datastreams/page.js")],
];
const MENU = [
  ["Ranking", [["models", "AI models"]]],
  ["Offers", [["decisions", "Decisions"]]],
  ["Data", [["datasets", "Datasets"], ["datastreams", "Datastreams"]]],
];

function App() {
  const { steps } = usePlace();
  const [isEnded, setEnded] = useState(false);
  useEffect(() => {
    const end = () => setEnded(true);
    signedOut.addEventListener("signedout", end);
    return () => signedOut.removeEventListener("signedout", end);
  }, []);
  if (!isSignedIn()) return html`<${Welcome} />`;
  const at = steps.length ? steps : ["models"];
  return html`<a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <${Head} section=${at[0]} />
    <main id="main" tabindex="-1">
      <${Offline} />
      ${may("ranking-strategies.read") ? html`<${Content} key=${keyOf(at)} steps=${at} />` : html`<${NoPermission} />`}
    </main>
    <${Spoken} />
    ${isEnded && html`<${Ended} />`}`;
}

/** Parts of one thing keep its page; another thing gets a page of its own. */
const keyOf = ([kind, id = "", part = ""]) => `${kind}/${id}/${part === "edit"}`;

function Head({ section }) {
  return html`<header class="head">
    <a class="brand" href=${link("models")}><img src=${new URL("icon.svg", import.meta.url).href} alt="" width="26" height="26" /><span>Offer Ranking</span></a>
    <nav class="menu" aria-label="Components">
      ${MENU.map(([group, entries]) => html`<div class="menu-group"><span class="menu-title">${group}</span>
        <ul>${entries.map(([key, text]) => html`<li><a href=${link(key)} aria-current=${key === section ? "page" : undefined}>${text}</a></li>`)}</ul></div>`)}
    </nav>
    <div class="who"><span class="who-name" title=${person()}><bdi>${person()}</bdi></span><span class="note">${mayManage() ? "may manage" : "may read"}</span>
      <button type="button" class="quiet" onClick=${signOut}>Sign out</button></div>
  </header>`;
}

function Content({ steps }) {
  const [page, setPage] = useState({});
  const [failure] = useErrorBoundary((error) => console.error(error)); // of ours: for whoever looks into it
  const found = PAGES.find(([pattern]) => fits(pattern.split("/"), steps));
  useEffect(() => {
    found?.[1]().then(({ default: View }) => setPage({ View }), (error) => setPage({ error }));
  }, []);
  if (!found) return html`<${Page} title="There is no such page"><p><a href=${link("models")}>Go to the AI models</a></p><//>`;
  if (failure) return html`<${Notice} kind="problem" title="This page has failed" role="alert"><p>It is our mistake, and nothing that was saved is lost.</p><button type="button" onClick=${() => location.reload()}>Load it anew</button><//>`;
  if (page.error) return html`<${Unloaded} what="The page" />`;
  if (!page.View) return html`<p class="waiting" role="status">Loading …</p>`;
  return html`<${page.View} id=${found[0].includes("{id}") ? steps[1] : undefined} part=${found[0].includes("{part}") ? steps[2] : undefined} />`;
}

const fits = (pattern, steps) => pattern.length === steps.length && pattern.every((step, n) => (step.startsWith("{") ? !UPWARDS.has(steps[n]) : step === steps[n]));
const UPWARDS = new Set([".", ".."]); // no names, and in a path of the API they would lead out of it

function Welcome() {
  return html`<main class="welcome"><img src=${new URL("icon.svg", import.meta.url).href} alt="" width="56" height="56" />
    <h1>Offer Ranking</h1>
    <p>AI models that learn from displays and clicks which offer to show first, and reports that say how sure that is.</p>
    <button type="button" class="primary" onClick=${signIn}>Sign in</button></main>`;
}

function NoPermission() {
  return html`<${Page} title="Nothing to see yet"><${Notice} kind="warning" title="You are signed in, but may see nothing here yet" role="alert">
    <p>Your account <strong><bdi>${person()}</bdi></strong> is in no group that grants a permission. Ask whoever runs this deployment to put it into the group <code>ranking-readers</code> (to look) or <code>ranking-managers</code> (to create and change), then sign in again.</p>
    <button type="button" onClick=${signIn}>Sign in again</button>
  <//><//>`;
}

function Ended() {
  return html`<${Dialog} title="Your sign-in has ended" onClose=${signIn}>
    <p>For safety it ends after a while. Sign in again and you are back here; what you typed into a form is kept.</p>
    <div class="actions"><button type="button" class="primary" onClick=${signIn}>Sign in again</button></div>
  <//>`;
}

function Offline() {
  const [isOffline, setOffline] = useState(!navigator.onLine);
  useEffect(() => {
    const changed = () => setOffline(!navigator.onLine);
    addEventListener("online", changed);
    addEventListener("offline", changed);
    return () => (removeEventListener("online", changed), removeEventListener("offline", changed));
  }, []);
  return html`<div role="status">${isOffline && html`<${Notice} kind="warning" title="You are offline"><p>What you see is the latest that was loaded. It refreshes by itself when there is a connection; what you type is kept.</p><//>`}</div>`;
}

function skip(event) {
  event.preventDefault(); // the hash is the application's address
  document.getElementById("main").focus();
}

function Broken({ error }) {
  return html`<main class="welcome"><h1>Offer Ranking</h1>
    <${Notice} kind="problem" title="You could not be signed in" role="alert"><p>${error.message}</p><//>
    <button type="button" class="primary" onClick=${() => location.reload()}>Try again</button></main>`;
}

const root = document.getElementById("app");
root.replaceChildren();
start().then(() => render(html`<${App} />`, root), (error) => render(html`<${Broken} error=${error} />`, root));
