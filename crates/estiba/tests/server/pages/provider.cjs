// An OpenID Connect provider that is not ours (npm's oidc-provider), at which whoever
// the test says is already logged in. Prints its port.
"use strict";
const http = require("node:http");

// Standard output is read no further than the port.
console.info = console.error;
const [, , back] = process.argv;
let who = {};

(async () => {
  const { default: Provider } = await import("oidc-provider");
  const server = http.createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: "estiba", client_secret: "planted-client-secret-4711", redirect_uris: [back] }],
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    // GitLab has them in the ID token, others tell when they are asked.
    conformIdTokenClaims: true,
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...who }) }),
  });
  const answer = provider.callback();
  server.on("request", async (request, response) => {
    if (request.url === "/test/who") {
      let text = "";
      for await (const piece of request) text += piece;
      who = JSON.parse(text);
      response.end("{}");
    } else if (request.url.startsWith("/interaction/")) {
      const { params } = await provider.interactionDetails(request, response);
      const accountId = who.sub;
      const grant = new provider.Grant({ accountId, clientId: params.client_id });
      grant.addOIDCScope("openid email");
      const consent = { grantId: await grant.save() };
      await provider.interactionFinished(request, response, { login: { accountId }, consent });
    } else {
      answer(request, response);
    }
  });
  console.log(server.address().port);
})();
