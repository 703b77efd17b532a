// A real OpenID provider for oracles/provider.py: `oidc-provider` as it comes, with one client and one person, who is
// signed in without a form. What it does wrong, when it is told to, is done to the requests before it sees them, or to
// its description after: the ID tokens are its own, rightly signed.
//
//     node provider.mjs PORT BACK-ADDRESS      then: GET /control?fault=nonce|audience|issuer|none&amr=…&email=…
import { generateKeyPairSync } from "node:crypto";

import Provider from "oidc-provider";

const [port, back] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const kid = process.env.KEY_NAME ?? "first";
const now = { fault: "none", amr: "", email: "owner@shop.example", verified: "yes", subject: "person-1", told: [] };

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const jwk = { ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid };
const client = (client_id) => ({
  client_id,
  client_secret: "a secret of the client, and long enough",
  redirect_uris: [back],
  backchannel_logout_uri: back.replace(/back$/, "logout"),
  backchannel_logout_session_required: true,
  grant_types: ["authorization_code"],
  response_types: ["code"],
});

const provider = new Provider(process.env.ISSUER ?? issuer, {
  clients: [client("tillward"), client("another")],
  jwks: { keys: [jwk] },
  cookies: { keys: ["only for a test"] },
  pkce: { required: () => true },
  claims: { openid: ["sub", "amr"], email: ["email", "email_verified"] },
  conformIdTokenClaims: false,
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  // It refuses to call addresses of this machine, where the shop of this test is.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  interactions: { url: (_, interaction) => `/person/${interaction.uid}` },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: now.email, email_verified: now.verified === "yes" }),
  }),
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope("openid email");
    await grant.save();
    return grant;
  },
});

provider.on("backchannel.success", () => now.told.push(200));
provider.on("backchannel.error", (_, error) => now.told.push(String(error.message)));

const swap = (ctx, name, value) => {
  const query = new URLSearchParams(ctx.querystring);
  query.set(name, value);
  ctx.querystring = query.toString();
};

provider.use(async (ctx, next) => {
  if (ctx.path === "/control") {
    Object.assign(now, ctx.query);
    ctx.body = now;
    return;
  }
  if (ctx.path.startsWith("/person/")) {
    const login = { accountId: now.subject, remember: false, ...(now.amr && { amr: now.amr.split(" ") }) };
    await provider.interactionFinished(ctx.req, ctx.res, { login }, { mergeWithLastSubmission: false });
    ctx.respond = false;
    return;
  }
  if (ctx.path === "/auth" && now.fault === "nonce") swap(ctx, "nonce", "somebody-elses-nonce");
  if (ctx.path === "/auth" && now.fault === "audience") swap(ctx, "client_id", "another");
  if (ctx.path === "/token" && now.fault === "audience") {
    const secret = Buffer.from("another:a%20secret%20of%20the%20client%2C%20and%20long%20enough").toString("base64");
    ctx.req.headers.authorization = `Basic ${secret}`;
    const chunks = [];
    for await (const chunk of ctx.req) chunks.push(chunk);
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    form.set("client_id", "another");
    ctx.req.body = form.toString();
  }
  await next();
  // The description names the address that was asked, the tokens name the provider: two issuers.
  if (ctx.path === "/.well-known/openid-configuration" && process.env.CLAIM_ISSUER) {
    ctx.body = { ...ctx.body, issuer: process.env.CLAIM_ISSUER };
  }
});

provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
