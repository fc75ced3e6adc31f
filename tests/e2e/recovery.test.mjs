// A trap of the wasm costs the request that met it, and no later one: the entry is tried here with a wasm that traps
// when it is told to.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startWorker } from "./worker.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** (module (func (export "trap") unreachable)) */
const TRAPPING = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 7, 8, 1, 4, 0x74, 0x72, 0x61, 0x70, 0, 0, 10, 5, 1, 3, 0, 0, 0x0b];

/** What stands in for the Rust side. It answers with the number of times that it was made. */
const STAND_IN = `
let instance;
let made = 0;
let module;
export function initSync(given) { module = given.module; __wbg_reset_state(); }
export function __wbg_reset_state() { instance = new WebAssembly.Instance(module); made += 1; }
export class Counter { constructor() { this.made = made; } say() { return String(this.made); } }
export function arrive(slot, well, value) { instance.exports.trap(); }
export async function ask(exchange) { const meter = exchange.env.METER; exchange.resolve(new Response(await meter.get(meter.idFromName("one")).say("recall", ""))); }
export function serve(exchange) {
  const head = new TextDecoder().decode(exchange.head());
  if (head.includes("/trap")) instance.exports.trap();
  if (head.includes("/late")) exchange.sleep(1, 10);
  else if (head.includes("/meter")) ask(exchange);
  else exchange.reply(200, "", String(made));
}`;

/** What else is asked of the Rust side is never called here. */
function standIn() {
  const lists = readFileSync(join(ROOT, "src/edge/wasm.js"), "utf8").matchAll(/\{([^}]+)\} from "causeway"/g);
  const wanted = [...lists].flatMap(([, names]) => names.split(",").map((name) => name.trim().split(" ")[0]));
  const missing = wanted.filter((name) => !new RegExp(`export (async )?(function|class) ${name}\\b`).test(STAND_IN));
  return STAND_IN + missing.map((name) => `\nexport function ${name}() { throw new Error("${name} has no stand-in"); }`).join("");
}

let folder;
let worker;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "causeway-recovery-"));
  writeFileSync(join(folder, "causeway.js"), standIn());
  writeFileSync(join(folder, "index_bg.wasm"), Buffer.from(TRAPPING));
  const bundle = ["src/edge/worker.js", "--bundle", "--format=esm", `--alias:causeway=${join(folder, "causeway.js")}`];
  const outside = ["--external:./index_bg.wasm", "--external:cloudflare:workers", "--log-level=warning"];
  execFileSync(join(ROOT, "node_modules/.bin/esbuild"), [...bundle, ...outside, `--outfile=${join(folder, "index.js")}`], { cwd: ROOT });
  worker = await startWorker({}, folder);
});

after(async () => {
  await worker?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const ask = async (path) => {
  const answer = await fetch(worker.url + path);
  return [answer.status, await answer.text()];
};

test("the request after one that trapped finds the wasm as new, and so does a Durable Object", async () => {
  assert.deepEqual(await ask("/"), [200, "1"]);
  assert.deepEqual(await ask("/meter"), [200, "1"]);
  assert.equal((await ask("/trap"))[0], 500);
  assert.deepEqual(await ask("/"), [200, "2"]);
  assert.deepEqual(await ask("/meter"), [200, "2"]);
});

test("so it does after one that trapped when something came that it waited for", async () => {
  assert.equal((await ask("/late"))[0], 500);
  assert.deepEqual(await ask("/"), [200, "3"]);
});
