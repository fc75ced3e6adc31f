// The fake provider's Google Cloud: POST /token, which gives a token for a statement that a service account signed, and
// models behind it: Google's own and Claude, in their dialects but for where the model stands.

import { createVerify, generateKeyPairSync } from "node:crypto";
import * as anthropic from "./anthropic.mjs";
import * as gemini from "./gemini.mjs";

export const PROJECT = "fake-project";
const SCOPE = "https://www.googleapis.com/auth/cloud-platform";
const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const VERSION = "vertex-2023-10-16";
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const given = new Set();

/** What Google's console gives for an account. */
export function accountAt(url, client_email = "fake@fake-project.iam.gserviceaccount.com") {
  const private_key = privateKey.export({ type: "pkcs8", format: "pem" });
  return { type: "service_account", project_id: PROJECT, private_key_id: "kid-1", private_key, client_email, token_uri: `${url}/token` };
}

/** A token for a good statement. */
export function tokenFor(note) {
  const form = new URLSearchParams(note.raw);
  const wrong = statementComplaint(form.get("assertion") ?? "", `http://${note.headers.host}${note.path}`);
  if (form.get("grant_type") !== GRANT) return [400, { error: "unsupported_grant_type" }];
  if (wrong) return [400, { error: "invalid_grant", error_description: wrong }];
  const access_token = `ya29.fake-${given.size + 1}`;
  given.add(access_token);
  return [200, { access_token, expires_in: 3599, token_type: "Bearer" }];
}

/** Why a statement is no good: RFC 7519, signed by RS256. */
function statementComplaint(statement, audience) {
  const [head, claims, signature] = statement.split(".");
  if (!createVerify("RSA-SHA256").update(`${head}.${claims}`).verify(publicKey, signature ?? "", "base64url")) return "Invalid JWT Signature.";
  const read = (part) => JSON.parse(Buffer.from(part, "base64url"));
  const { alg, typ, kid } = read(head);
  if (alg !== "RS256" || typ !== "JWT" || kid !== "kid-1") return `Invalid JWT header: ${alg} ${typ} ${kid}`;
  const { iss, scope, aud, iat, exp } = read(claims);
  if (!/@fake-project\.iam\.gserviceaccount\.com$/.test(iss) || scope !== SCOPE || aud !== audience) return `Invalid claims: ${iss} ${scope} ${aud}`;
  const now = Date.now() / 1000;
  return iat <= now + 5 && iat > now - 60 && exp > now && exp - iat <= 3600 ? undefined : `Invalid JWT: it is good from ${iat} to ${exp}`;
}

function dialect(publisher, verbs, inner, fit) {
  const pattern = new RegExp(`^/v1/projects/${PROJECT}/locations/([a-z0-9-]+)/publishers/${publisher}/models/([^/]+):(${verbs.join("|")})$`);
  const taken = (pathname) => {
    const [, , model, verb] = pathname.match(pattern) ?? [];
    return model && { model: decodeURIComponent(model), stream: verb === verbs[1] };
  };
  const complaint = (note) => {
    const [, token] = note.headers.authorization?.match(/^Bearer (\S+)$/) ?? [];
    if (!given.has(token)) return [401, `Request had invalid authentication credentials: ${token}`];
    return fit.complaint?.(note) ?? inner.complaint({ ...note, body: fit.body(note), headers: { ...note.headers, ...fit.headers } });
  };
  return { ...inner, path: undefined, taken, complaint, look: (body, model) => inner.look(fit.body({ body, model }), model) };
}

export const GOOGLE = dialect("google", ["generateContent", "streamGenerateContent"], gemini, {
  body: ({ body }) => body,
  headers: { "x-goog-api-key": "none is needed" },
});

/** The version stands in the body, the model in the path alone. */
export const CLAUDE = dialect("anthropic", ["rawPredict", "streamRawPredict"], anthropic, {
  complaint: ({ body, stream }) => {
    if (body.anthropic_version !== VERSION) return [400, "anthropic_version: Field required"];
    if ("model" in body) return [400, "model: Extra inputs are not permitted"];
    return (body.stream ?? false) === stream ? undefined : [400, "stream: it must be as the path says"];
  },
  body: ({ body: { anthropic_version, ...body }, model }) => ({ model, ...body }),
  headers: { "x-api-key": "none is needed", "anthropic-version": "2023-06-01" },
});
