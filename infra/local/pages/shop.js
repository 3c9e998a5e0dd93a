// A shop's page as a team would write it around Adobe's Web SDK. Its address says what it does:
//   datastream, org, edge  whom it asks: datastreamId, orgId, edgeDomain
//   scope, surface         what for; each may stand several times
//   audience               who is asking; may stand several times
//   claims=data            that stands in `data.__offerRanking.audiences`, not in `xdm.segmentMembership`
//   consent                defaultConsent
//   ask=no                 it only configures the SDK
//   auto=yes               the SDK renders what it can (renderDecisions)
//   view=no                the page's own view and surface are not asked for
//   render=apply           the SDK renders into the page's boxes and tracks; without it the page renders and reports
//   show=all               the page renders all offers of a proposition; without it the first one
//   send=beacon, unload    clicks are reported by beacon; unload: displays, too, when the page is left
// `shopLog` is what was done, and `shopReady` resolves when offers are shown and told of.
"use strict";

const asked = new URLSearchParams(location.search);
const says = (name, value) => asked.get(name) === value;
const shelf = document.getElementById("offers");
window.shopLog = [];

function note(what, more = {}) {
  shopLog.push({ what, ...more });
  sessionStorage.shopLog = JSON.stringify(shopLog); // for the page that comes after this one
}

function noteOffers(what, { id, scope }, items) {
  for (const item of items) note(what, { proposition: id, scope, offer: item.id });
}

function configured() {
  return alloy("configure", {
    datastreamId: asked.get("datastream"),
    orgId: asked.get("org"),
    edgeDomain: asked.get("edge"),
    edgeBasePath: "ee",
    thirdPartyCookiesEnabled: false, // otherwise the first call goes to Adobe
    idMigrationEnabled: false,
    defaultConsent: asked.get("consent") ?? "in",
  });
}

function visitor() {
  const audiences = asked.getAll("audience");
  if (says("claims", "data")) return { data: { __offerRanking: { audiences } } };
  const realized = audiences.map((audience) => [audience, { status: "realized" }]);
  return { xdm: { segmentMembership: { shop: Object.fromEntries(realized) } } };
}

function query() {
  const { xdm, data } = visitor();
  return alloy("sendEvent", {
    renderDecisions: says("auto", "yes"),
    personalization: {
      decisionScopes: asked.getAll("scope"),
      surfaces: asked.getAll("surface"),
      ...(says("view", "no") && { defaultPersonalizationEnabled: false }),
    },
    xdm: { eventType: "web.webpagedetails.pageViews", ...xdm },
    ...(data && { data }),
  });
}

// One event for what became of some offers: propositions with those of their items that are meant.
function report(kind, shown, documentUnloading) {
  for (const { proposition, items } of shown) noteOffers(kind, proposition, items);
  return alloy("sendEvent", {
    documentUnloading,
    xdm: {
      eventType: { display: "decisioning.propositionDisplay", interact: "decisioning.propositionInteract" }[kind],
      _experience: {
        decisioning: {
          propositionEventType: { [kind]: 1 },
          propositions: shown.map(({ proposition: { id, scope, scopeDetails }, items }) => ({
            id, scope, scopeDetails, items: items.map((item) => ({ id: item.id })),
          })),
        },
      },
    },
  });
}

function element(proposition, item) {
  const box = Object.assign(document.createElement("article"), { id: `offer-${shelf.children.length}` });
  const { format, content, deliveryURL } = item.data;
  if (deliveryURL) box.textContent = deliveryURL; // an image, where there is an internet
  else if (format === "text/html") box.innerHTML = content;
  else box.textContent = content;
  box.addEventListener("click", () => {
    const byBeacon = says("send", "beacon") || says("send", "unload");
    report("interact", [{ proposition, items: [item] }], byBeacon);
  });
  return box;
}

async function renderedByPage(propositions) {
  const shown = propositions
    .filter(({ items }) => items?.length)
    .map((proposition) => ({ proposition, items: says("show", "all") ? proposition.items : [proposition.items[0]] }));
  for (const { proposition, items } of shown)
    for (const item of items) shelf.append(element(proposition, item));
  if (shown.length === 0) return;
  if (!says("send", "unload")) await report("display", shown, false);
  // The SDK gets its event off from here; in `pagehide` and `visibilitychange` its promises come too late.
  else addEventListener("beforeunload", () => report("display", shown, true));
}

// All that is left to the page is where: a box for each proposition, in which each offer is one element.
function boxFor(proposition) {
  const box = Object.assign(document.createElement("section"), { id: `offer-${shelf.children.length}` });
  box.addEventListener("click", ({ target }) => {
    const clicked = [...box.children].findIndex((offer) => offer.contains(target));
    noteOffers("interact", proposition, [proposition.items[clicked]]);
  });
  shelf.append(box);
  return [proposition.scope, { selector: `#${box.id}`, actionType: "appendHtml" }];
}

async function renderedBySdk(propositions) {
  const rest = propositions.filter(({ renderAttempted }) => !renderAttempted);
  const metadata = Object.fromEntries(rest.map(boxFor));
  const applied = await alloy("applyPropositions", { propositions: rest, metadata });
  for (const proposition of applied.propositions) noteOffers("display", proposition, proposition.items);
  // The SDK tells what it has rendered with an event of the page's.
  await alloy("sendEvent", { personalization: { includeRenderedPropositions: true }, xdm: { eventType: "shop.shown" } });
}

async function visit() {
  await configured();
  if (says("ask", "no")) return;
  const { propositions = [] } = await query();
  note("received", { propositions });
  await (says("render", "apply") ? renderedBySdk(propositions) : renderedByPage(propositions));
}

window.shopReady = visit().catch((error) => console.error(error));
