// A new master key, brought in by `scripts/rotate-master-key` itself: wrangler is played by a program that keeps the
// secrets here and starts the Worker anew with each of them, as a deployment would.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ADMIN_TOKEN, startWorker } from "./worker.mjs";

const SCRIPT = fileURLToPath(new URL("../../scripts/rotate-master-key", import.meta.url));
const OLD = "the old master key of these tests";
const SECRET = "sk-secret-that-is-sealed";

const WRANGLER = `#!/usr/bin/env node
const [what, verb, name] = process.argv.slice(2);
(async () => {
  let value = "";
  if (verb !== "list") for await (const chunk of process.stdin) value += chunk;
  const answer = await fetch(process.env.SECRETS, { method: "POST", body: JSON.stringify({ what, verb, name, value }) });
  process.stdout.write(await answer.text());
  process.exit(answer.ok ? 0 : 1);
})();
`;

const disk = mkdtempSync(join(tmpdir(), "causeway-rotate-"));
const secrets = { MASTER_KEY: OLD };
let broken;
let worker;
let provider;
let front;
let wrangler;
let key;

const listen = async (answer) => {
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const [status, body] = await answer(request, Buffer.concat(chunks).toString());
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => (server.closeAllConnections(), server.close()) };
};

async function deploy(known = secrets) {
  await worker?.stop();
  worker = await startWorker({ MASTER_KEY: "", REQUIRE_KEY: "true", ...known }, undefined, { disk: join(disk, "objects") });
}

const admin = async (method, path, body) => {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" };
  const answer = await fetch(`${worker.url}/admin/v1/${path}`, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, await answer.clone().text());
  return answer.json();
};

const chat = () =>
  fetch(`${worker.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "@paid/gpt-4o", messages: [{ role: "user", content: "hi" }] }),
  });

/** Runs the script to its end: its status, and all that it said. */
async function rotate() {
  const home = join(disk, "home");
  const env = { ...process.env, ADMIN_TOKEN, SECRETS: wrangler.url, SETTLE_SECONDS: "0" };
  const child = spawn(join(home, "scripts/rotate-master-key"), [`${front.url}/`], { env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += chunk));
  const status = await new Promise((resolve) => child.on("exit", resolve));
  return { status, said };
}

before(async () => {
  const home = join(disk, "home");
  mkdirSync(join(home, "scripts"), { recursive: true });
  mkdirSync(join(home, "node_modules/.bin"), { recursive: true });
  copyFileSync(SCRIPT, join(home, "scripts/rotate-master-key"));
  writeFileSync(join(home, "node_modules/.bin/wrangler"), WRANGLER);
  chmodSync(join(home, "node_modules/.bin/wrangler"), 0o755);

  const answer = { id: "c", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }] };
  provider = await listen(({ headers }) => (headers.authorization === `Bearer ${SECRET}` ? [200, JSON.stringify(answer)] : [401, "{}"]));
  // Where the gateway is, whichever of its processes serves at the time.
  front = await listen(async ({ method, url, headers }, body) => {
    const { authorization } = headers;
    const passed = await fetch(worker.url + url, { method, headers: { authorization }, body: body || undefined }).catch(() => undefined);
    return passed ? [passed.status, await passed.text()] : [502, "{}"];
  });
  wrangler = await listen(async (_, body) => {
    const { verb, name, value } = JSON.parse(body);
    if (verb === "list") return [200, JSON.stringify(Object.keys(secrets).map((name) => ({ name, type: "secret_text" })))];
    if (name === broken) return [500, ""];
    if (verb === "put") secrets[name] = value;
    else delete secrets[name];
    await deploy();
    // After every step the credential is good.
    const answered = await chat();
    assert.equal(answered.status, 200, await answered.text());
    return [200, ""];
  });
  await deploy();
  await admin("POST", "credentials", { slug: "paid", provider: "openai", secret: SECRET, settings: { custom_host: `${provider.url}/v1` } });
  await admin("POST", "credentials", { slug: "cloud", provider: "bedrock", secret: { access_key_id: "AKIA0", secret_access_key: "s", region: "us-east-1" } });
  ({ key } = await admin("POST", "keys", { name: "app" }));
});

after(async () => {
  await worker?.stop();
  for (const server of [provider, front, wrangler]) server?.close();
  rmSync(disk, { recursive: true, force: true });
});

test("a new master key comes in, wherever that stops, and nothing is lost", async () => {
  assert.equal((await chat()).status, 200);
  const [first] = (await admin("GET", "webhook-secret")).secrets;

  // It stops half-way: all is sealed under the new key, and the old one is still there.
  broken = "MASTER_KEY";
  const stopped = await rotate();
  assert.notEqual(stopped.status, 0, stopped.said);
  assert.deepEqual(Object.keys(secrets).sort(), ["MASTER_KEY", "MASTER_KEY_NEXT"]);
  assert.match(stopped.said, /2 credentials are under the new key/);
  const kept = join(disk, "home/.wrangler/master-key-next");
  assert.equal(readFileSync(kept, "utf8").trim(), secrets.MASTER_KEY_NEXT);
  const both = (await admin("GET", "webhook-secret")).secrets;
  assert.deepEqual([both.length, both[1]], [2, first]);

  broken = undefined;
  const { status, said } = await rotate();
  assert.equal(status, 0, said);
  assert.deepEqual(Object.keys(secrets), ["MASTER_KEY"]);
  assert.ok(secrets.MASTER_KEY !== OLD && said.includes(secrets.MASTER_KEY), said);
  assert.ok(!existsSync(kept), "the new key is kept nowhere but with Cloudflare");
  assert.deepEqual(await admin("POST", "credentials/reseal"), { resealed: 0, sealed: 2, unreadable: [], master_key: (await admin("POST", "credentials/reseal")).master_key });
  assert.equal((await chat()).status, 200);

  // The old key opens nothing any more.
  await deploy({ MASTER_KEY: OLD });
  const refused = await chat();
  assert.equal(refused.status, 500);
  assert.match((await refused.json()).error.message, /cannot be opened/);
  await deploy();
  assert.equal((await chat()).status, 200);
});
