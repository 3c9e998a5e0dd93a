// Who is signed in: OpenID Connect's code flow with PKCE, and what the access token says of the person.
//
// Tokens live in sessionStorage: they end with the tab, and no other tab, extension page or later visitor of this
// machine finds them. There is no refresh token here: after an hour the issuer is asked again, which usually knows the
// person still and sends them straight back.
import * as oauth from "./vendor/oauth4webapi.js";

const TOKEN = "offer-ranking.token";
const PENDING = "offer-ranking.sign-in";

// What groups grant, as in shared/offer_ranking/http/principal.py. It decides what is offered on the screen and
// nothing else: the API checks every call by itself.
export const GROUPS = {
  "ranking-managers": ["ranking-strategies.read", "ranking-strategies.write"],
  "ranking-readers": ["ranking-strategies.read"],
};
const SCOPE_PREFIX = "offer-ranking/";

export let configuration = null;
let claims = null;

/** Where the application lies, with a slash at the end: also where the issuer sends people back to. */
export const home = new URL(".", location.href.split(/[?#]/)[0]).href;

/** Read the configuration, and take what the issuer sent back, if it sent somebody back just now. */
export async function start() {
  const answer = await fetch(new URL("configuration.json", home));
  if (!answer.ok) throw new Error(`The console's configuration could not be read (${answer.status}).`);
  configuration = await answer.json();
  const given = new URLSearchParams(location.search);
  if (given.has("code") || given.has("error")) await finishSignIn();
  claims = readClaims(sessionStorage.getItem(TOKEN));
}

export async function signIn() {
  const verifier = oauth.generateRandomCodeVerifier();
  const pending = { verifier, state: oauth.generateRandomState(), place: location.hash };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  location.assign(addressed(configuration.authorizationEndpoint, {
    response_type: "code",
    client_id: configuration.clientId,
    redirect_uri: home,
    scope: configuration.scopes.join(" "),
    state: pending.state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  }));
}

export function signOut() {
  sessionStorage.removeItem(TOKEN);
  claims = null;
  if (!configuration.endSessionEndpoint) return location.assign(home);
  // Where to come back to, as Cognito calls it and as OpenID Connect does (RP-Initiated Logout 1.0, section 2).
  const back = { logout_uri: home, post_logout_redirect_uri: home };
  return location.assign(addressed(configuration.endSessionEndpoint, { client_id: configuration.clientId, ...back }));
}

/** An endpoint with parameters; those that it has already stay (RFC 6749, section 3.1). */
function addressed(endpoint, parameters) {
  const address = new URL(endpoint);
  for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
  return address;
}

/** The token to send, or null when nobody is signed in. An expired one is sent: the API has the last word. */
export const token = () => sessionStorage.getItem(TOKEN);

export const isSignedIn = () => claims !== null;

/** Who it is, by the most readable name that the token has. */
export const person = () => claims?.email ?? claims?.username ?? claims?.sub ?? "";

/** Whether the person may: "ranking-strategies.read", "ranking-strategies.write" or "ranking.rank". */
export function may(permission) {
  const groups = [claims?.[configuration.groupsClaim] ?? []].flat();
  const scopes = (claims?.scope ?? "").split(" ");
  return scopes.includes(SCOPE_PREFIX + permission) || groups.some((group) => GROUPS[group]?.includes(permission));
}

export const mayManage = () => may("ranking-strategies.write");

async function finishSignIn() {
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? "{}");
  sessionStorage.removeItem(PENDING);
  const returned = new URL(location.href);
  // The code goes out of the address at once: it must not be sent again by a reload, nor lie in the history.
  history.replaceState(null, "", home + (pending.place ?? ""));
  const server = { issuer: configuration.issuer, token_endpoint: configuration.tokenEndpoint };
  const client = { client_id: configuration.clientId };
  // One machine speaks http; the library refuses that unless told.
  const options = { [oauth.allowInsecureRequests]: server.token_endpoint.startsWith("http://") };
  const checked = oauth.validateAuthResponse(server, client, returned, pending.state ?? "none is awaited");
  const answer = await oauth.authorizationCodeGrantRequest(
    server, client, oauth.None(), checked, home, pending.verifier, options,
  );
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer);
  sessionStorage.setItem(TOKEN, tokens.access_token);
}

/** What a token says. It is read for display only, so its signature is the API's business. */
function readClaims(text) {
  if (!text) return null;
  try {
    const base64 = text.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return {}; // a token that cannot be read: signed in as nobody, who may nothing
  }
}
