// An OpenID provider on loopback: oidc-provider, with its own pages for signing in.
//
//   node provider.js '{"clients": [...], "routes": {...}, "plays": {...}}'
//
// prints its port. Whoever signs in is who they say; any password will do. `plays`, which
// may be left out, has what is peculiar to another provider: `issuer`, a path; `rewrite`,
// other addresses by our own; `claims`, what is known of everybody; `scope`, what is meant
// when nothing is asked for.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import Provider, { errors } from "oidc-provider";

const { clients, routes, plays = {} } = JSON.parse(process.argv[2]);

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address();
  const provider = new Provider(`http://127.0.0.1:${port}${plays.issuer ?? ""}`, {
    clients,
    routes,
    jwks: { keys: [signingKey()] },
    cookies: { keys: [randomBytes(32).toString("hex")] },
    scopes: ["openid", "offline_access", "User.Read"],
    claims: {
      openid: ["sub", "tid", "oid"],
      profile: ["preferred_username", "name"],
      email: ["email"],
    },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    rotateRefreshToken: true,
    // As Entra ID's v1 endpoints do, which know no offline_access.
    issueRefreshToken: async (ctx, client) => client.grantTypeAllowed("refresh_token"),
    ttl: {
      AccessToken: 3600,
      ClientCredentials: 3600,
      AuthorizationCode: 60,
      IdToken: 3600,
      Grant: 3600,
      Interaction: 600,
      Session: 3600,
      RefreshToken: (ctx, token, client) => (client.clientId === "short" ? 1 : 3600),
    },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: { enabled: true, getResourceServerInfo, useGrantedResource: () => true },
    },
    findAccount: async (ctx, id) => ({
      accountId: id,
      claims: async () => ({ sub: id, preferred_username: id, email: id, ...plays.claims }),
    }),
    // AD FS tells the user's claims in the access token of the relying party.
    extraTokenClaims: async (ctx, token) =>
      token.accountId ? { upn: token.accountId, email: token.accountId, ...plays.claims } : {},
  });
  const answer = provider.callback();
  server.on("request", (request, response) => {
    const [path, query] = request.url.split("?");
    const own = (plays.rewrite ?? {})[path];
    if (own) {
      request.url = query === undefined ? own : `${own}?${query}`;
    }
    if (plays.scope && path === routes.authorization) {
      request.url += `&scope=${plays.scope}`;
    }
    // It has no page on which to choose among accounts.
    request.url = request.url.replace("&prompt=select_account", "");
    answer(request, response);
  });
  console.log(port);
});

function getResourceServerInfo(ctx, resource) {
  if (resource.startsWith("https://unknown.")) {
    throw new errors.InvalidTarget();
  }
  const opaque = resource.startsWith("urn:opaque");
  return {
    scope: plays.scope ?? "",
    audience: resource,
    accessTokenFormat: opaque ? "opaque" : "jwt",
    jwt: opaque ? undefined : { sign: { alg: "RS256" } },
  };
}

function signingKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: "one" };
}
