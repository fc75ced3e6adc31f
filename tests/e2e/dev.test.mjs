// scripts/dev as a user meets it: start, copy the line, see words come, interrupt.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { until } from "./until.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const shell = promisify(execFile);

let port;
let dev;
let output = "";

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

before(async () => {
  port = await freePort();
  dev = spawn("scripts/dev", ["--port", String(port), "--var", "CUSTOM=with $dollar 'and' = signs"], { cwd: ROOT, detached: true });
  dev.stdout.on("data", (chunk) => (output += chunk));
  dev.stderr.on("data", (chunk) => (output += chunk));
  await until(() => output.includes(`ready http://127.0.0.1:${port}`) || (dev.exitCode !== null && Promise.reject(new Error("it ended"))), "the ready line", 120_000)
    .catch((error) => assert.fail(`${error.message}\n${output}`));
});

after(() => {
  if (dev?.exitCode === null && dev.signalCode === null) process.kill(-dev.pid, "SIGTERM");
});

/** The processes of scripts/dev, by their ancestry, as long as they live. */
async function family() {
  const { stdout } = await shell("ps", ["-A", "-o", "pid=,ppid="]);
  const parents = new Map(stdout.trim().split("\n").map((line) => line.trim().split(/\s+/).map(Number)));
  const descends = (pid) => pid === dev.pid || (parents.has(pid) && pid > 1 && descends(parents.get(pid)));
  return [...parents.keys()].filter(descends);
}

test("the line that it prints works as it stands", async () => {
  const line = output.split("\n").find((line) => line.startsWith("curl "));
  const { stdout } = await shell("bash", ["-c", line]);
  assert.match(stdout, /data: \{/);
  assert.match(stdout, /edge/);
  assert.match(stdout, /data: \[DONE\]/);
});

test("words come one by one, and whole without being asked to stream", async () => {
  const ask = (stream) => fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "sandbox/echo", stream, messages: [{ role: "user", content: "one two three" }] }),
  });
  assert.equal((await (await ask(false)).json()).choices[0].message.content, "one two three");
  const text = await (await ask(true)).text();
  assert.ok(text.match(/^data: /gm).length > 4);
});

test("its local state is under .wrangler and its secrets are shown nowhere", () => {
  assert.ok(existsSync(`${ROOT}/.wrangler/state`));
  assert.ok(existsSync(`${ROOT}/.wrangler/master-key`));
  assert.doesNotMatch(output, /dev-admin/);
});

test("an unknown argument is told and starts nothing", async () => {
  await assert.rejects(shell("scripts/dev", ["--prot", "1"], { cwd: ROOT }), { code: 2 });
});

test("a port that is taken, or is none, is told at once", async () => {
  const failure = (port) => shell("scripts/dev", ["--port", port], { cwd: ROOT }).then(() => assert.fail("it started"), (error) => error);
  const taken = await failure(String(port));
  assert.match(taken.stderr, new RegExp(`port ${port} is taken: choose another with --port`));
  const none = await failure("here");
  assert.equal(none.code, 2);
  assert.match(none.stderr, /--port takes a number, not here/);
});

test("SIGTERM ends it and everything that it started", async () => {
  const members = await family();
  assert.ok(members.length > 2);
  dev.kill("SIGTERM");
  await until(() => dev.exitCode !== null || dev.signalCode !== null, "its end");
  const alive = (pid) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  await until(() => !members.some(alive), "the end of its children");
  await assert.rejects(fetch(`http://127.0.0.1:${port}/healthz`));
});
