// A connected app for oracles/apps.py: `oauth4webapi` as it comes does discovery, pushed request, code, tokens and calls.
// What it does wrong, when it is told to, is done to its requests on the way out.
//
//     node apps.mjs ALG      then: one JSON command a line on stdin, one JSON answer a line on stdout
import { createInterface } from "node:readline";

import * as oauth from "oauth4webapi";

const alg = process.argv[2] ?? "ES256";
const own = await oauth.generateKeyPair(alg, { extractable: true });
const bound = { first: await oauth.generateKeyPair(alg), other: await oauth.generateKeyPair(alg) };
const insecure = { [oauth.allowInsecureRequests]: true };
let last;
let spoil = (url, options) => [url, options];
const send = async (url, options) => {
  const sent = spoil(url, options);
  last = sent;
  return fetch(...sent);
};
const told = { ...insecure, [oauth.customFetch]: send };

let as, client, auth, asked, tokens, proofs;
const answered = async (answer) => ({ status: answer.status, body: await answer.json().catch(() => null) });
const prove = (key = "first") => oauth.DPoP(client, bound[key]);

const commands = {
  key: async () => ({ ...(await crypto.subtle.exportKey("jwk", own.publicKey)), key_ops: undefined, ext: undefined }),

  async begin({ issuer, client_id, redirect_uri, scope, change = {} }) {
    const url = new URL(issuer);
    const found = await oauth.discoveryRequest(url, { algorithm: "oauth2", ...told });
    as = await oauth.processDiscoveryResponse(url, found);
    client = { client_id };
    auth = oauth.PrivateKeyJwt(own.privateKey);
    proofs = prove();
    asked = { redirect_uri, verifier: oauth.generateRandomCodeVerifier(), state: oauth.generateRandomState() };
    const parameters = new URLSearchParams({
      response_type: "code",
      redirect_uri,
      scope,
      state: asked.state,
      code_challenge: await oauth.calculatePKCECodeChallenge(asked.verifier),
      code_challenge_method: "S256",
    });
    for (const [name, value] of Object.entries(change)) parameters.set(name, value);
    const pushed = await oauth.pushedAuthorizationRequest(as, client, auth, parameters, { DPoP: proofs, ...told });
    if (!pushed.ok) return answered(pushed);
    const { request_uri, expires_in } = await oauth.processPushedAuthorizationResponse(as, client, pushed);
    const to = new URL(as.authorization_endpoint);
    to.searchParams.set("client_id", client_id);
    to.searchParams.set("request_uri", request_uri);
    return { status: 201, url: to.href, expires_in };
  },

  async finish({ url, verifier, redirect_uri, key }) {
    const back = oauth.validateAuthResponse(as, client, new URL(url), asked.state);
    const answer = await oauth.authorizationCodeGrantRequest(
      as, client, auth, back, redirect_uri ?? asked.redirect_uri, verifier ?? asked.verifier,
      { DPoP: key ? prove(key) : proofs, ...told },
    );
    if (!answer.ok) return answered(answer);
    tokens = await oauth.processAuthorizationCodeResponse(as, client, answer);
    return { status: 200, body: { token_type: tokens.token_type, expires_in: tokens.expires_in, scope: tokens.scope } };
  },

  async call({ url, method = "GET", body, key, htu }) {
    const headers = new Headers(body ? { "content-type": "application/json", "idempotency-key": crypto.randomUUID() } : {});
    if (htu) spoil = (_, options) => [url, options];
    const target = new URL(htu ?? url);
    const answer = await oauth
      .protectedResourceRequest(tokens.access_token, method, target, headers, body && JSON.stringify(body),
        { DPoP: key ? prove(key) : proofs, ...told })
      .catch((problem) => problem.response ?? Promise.reject(problem));
    spoil = (to, options) => [to, options];
    return answered(answer);
  },

  async refresh() {
    const answer = await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token, { DPoP: proofs, ...told });
    if (!answer.ok) return answered(answer);
    tokens = { ...tokens, ...(await oauth.processRefreshTokenResponse(as, client, answer)) };
    return { status: 200 };
  },

  async revoke({ which }) {
    const answer = await oauth.revocationRequest(as, client, auth, tokens[which], told);
    await oauth.processRevocationResponse(answer);
    return { status: answer.status };
  },

  // The last request once more, byte by byte.
  again: async () => answered(await fetch(...last)),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...rest } = JSON.parse(line);
  let answer;
  try {
    answer = await commands[command](rest);
  } catch (problem) {
    answer = { problem: `${problem.code ?? problem.name}: ${problem.message}` };
  }
  console.log(JSON.stringify(answer));
}
