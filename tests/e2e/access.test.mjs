// Cloudflare Access as a way into the admin API: real keys, real signatures, a team's own address on loopback.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { createSign, generateKeyPairSync } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { startWorker } from "./worker.mjs";

const AUD = "the-audience-tag";
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

describe("Cloudflare Access", () => {
  const [own, other] = [1, 2].map(() => generateKeyPairSync("rsa", { modulusLength: 2048 }));
  let worker;
  let team;
  let origin;
  let asked = 0;
  before(async () => {
    team = createServer((request, response) => {
      asked++;
      const known = request.url === "/cdn-cgi/access/certs";
      response.writeHead(known ? 200 : 404, { "content-type": "application/json" });
      response.end(JSON.stringify({ keys: [{ kid: "one", use: "sig", alg: "RS256", ...own.publicKey.export({ format: "jwk" }) }] }));
    });
    await new Promise((resolve) => team.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${team.address().port}`;
    worker = await startWorker({ ACCESS_TEAM_DOMAIN: origin, ACCESS_AUD: AUD, ACCESS_OWNERS: "owner@example.com", ACCESS_VIEWERS: "@example.com" });
  });
  after(async () => {
    await worker?.stop();
    team?.close();
  });

  const statement = (claims = {}, { header, key = own.privateKey } = {}) => {
    const now = Math.floor(Date.now() / 1000);
    const whole = { aud: [AUD], iss: origin, email: "owner@example.com", iat: now, nbf: now, exp: now + 300, ...claims };
    const signed = `${encoded({ alg: "RS256", kid: "one", ...header })}.${encoded(whole)}`;
    return `${signed}.${createSign("RSA-SHA256").update(signed).sign(key, "base64url")}`;
  };
  const admin = async (method, path, headers, body) => {
    const answer = await fetch(`${worker.url}/admin/v1/${path}`, { method, headers: { "content-type": "application/json", ...headers }, body });
    return { status: answer.status, json: await answer.json() };
  };
  const by = (token) => ({ "cf-access-jwt-assertion": token });

  test("lets in whom Cloudflare vouches for, in their role", async () => {
    const made = await admin("POST", "teams", by(statement()), JSON.stringify({ slug: "red", members: ["ann@team.example"] }));
    assert.equal(made.status, 201, JSON.stringify(made.json));
    const viewer = by(statement({ email: "viewer@example.com" }));
    assert.equal((await admin("GET", "teams/red", viewer)).json.slug, "red");
    assert.equal((await admin("POST", "teams", viewer, '{"slug":"blue"}')).status, 403);
    const ann = by(statement({ email: "ann@team.example" }));
    const usage = await admin("GET", "usage?by=team", ann);
    assert.deepEqual([usage.status, usage.json.data.map((row) => [row.team, row.requests])], [200, [["red", 0]]]);
    assert.equal((await admin("GET", "teams", ann)).status, 403);
    assert.equal((await admin("GET", "audit", viewer)).json.data[0].who, "access:owner@example.com");
    assert.equal(asked, 1, "its keys are kept");
  });

  test("and nobody else", async () => {
    for (const [token, words] of [
      [statement({}, { key: other.privateKey }), "signature"],
      [statement({}, { header: { kid: "two" } }), "no key"],
      [statement({}, { header: { alg: "none" } }), "RS256"],
      [statement({ exp: 1 }), "expired"],
      [statement({ aud: "another" }), "another application"],
      [statement({ iss: "https://evil.cloudflareaccess.com" }), "another team"],
    ]) {
      const answer = await admin("GET", "teams", by(token));
      assert.equal(answer.status, 401, words);
      assert.ok(answer.json.error.message.includes(words), answer.json.error.message);
    }
    assert.equal((await admin("GET", "teams", { cookie: `CF_Authorization=${statement()}` })).status, 401);
    assert.equal((await admin("GET", "teams", { ...by(statement()), origin: "https://evil.example" })).status, 403);
  });
});
