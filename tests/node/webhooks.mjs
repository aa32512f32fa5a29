// Shopify's own library as a judge of webhook signatures. One JSON object a line comes in, one goes out:
//
//   {"check": {"rawBody": "…", "headers": {…}, "secret": "…"}}  ->  {"valid": true} or {"valid": false, "reason": "…"}
//   {"sign": {"body": "…", "secret": "…"}}                      ->  {"hmac": "…"}

import "@shopify/shopify-api/adapters/node";
import { text } from "node:stream/consumers";
import { ApiVersion, shopifyApi } from "@shopify/shopify-api";
import { createSHA256HMAC, HashFormat } from "@shopify/shopify-api/runtime";

async function check({ rawBody, headers, secret }) {
  const shopify = shopifyApi({
    apiKey: "key",
    apiSecretKey: secret,
    apiVersion: Object.values(ApiVersion).at(-1),
    hostName: "sync.example.com",
    isEmbeddedApp: false,
    logger: { log: () => {} },
  });
  const rawRequest = { method: "POST", url: "/webhooks/shopify", headers };
  const { valid, reason } = await shopify.webhooks.validate({ rawBody, rawRequest, rawResponse: {} });
  return { valid, reason };
}

async function sign({ body, secret }) {
  return { hmac: await createSHA256HMAC(secret, body, HashFormat.Base64) };
}

// Not by node:readline, to which U+2028 ends a line as well.
for (const line of (await text(process.stdin)).trimEnd().split("\n")) {
  const request = JSON.parse(line);
  const answer = request.check ? await check(request.check) : await sign(request.sign);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
