// Starts workerd itself, no tool in between, with one Worker each: its date and flags are those of wrangler.toml.

import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BENCH = join(ROOT, "tests/bench");

export const CAUSEWAY = { script: join(ROOT, "build/index.js"), wasm: join(ROOT, "build/index_bg.wasm") };

/** Where files cost no time of a disk, which in production is another machine's. */
const MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

const ADMIN_TOKEN = "bench-admin";

/** A key that is counted in every way and never used up. */
export async function makeKey(port) {
  const largest = 1_000_000_000_000;
  const limits = ["requests", "tokens"].map((type) => ({ type, per: "minute", max: largest }));
  const answer = await fetch(`http://127.0.0.1:${port}/admin/v1/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ name: "bench", limits, budgets: [{ usd: "1000000", per: "month" }] }),
  });
  if (answer.status !== 201) throw new Error(`no key: ${answer.status} ${await answer.text()}`);
  return (await answer.json()).key;
}

/** How to start each of the Workers, given the upstream's port. */
export function workers(upstream) {
  const forwards = { UPSTREAM: `http://127.0.0.1:${upstream}` };
  const gateway = { REQUIRE_KEY: "false", TRUSTED_CUSTOM_HOSTS: "localhost,127.0.0.1", ADMIN_TOKEN, MASTER_KEY: "the master key of the bench" };
  return {
    bare: { modules: [join(BENCH, "bare.js")], variables: forwards, settings: wrangler() },
    parse: { modules: [join(BENCH, "parse.js")], variables: forwards, settings: wrangler() },
    floor: { modules: [join(BENCH, "floor.js")], variables: forwards, settings: wrangler() },
    recording: { modules: [CAUSEWAY.script, CAUSEWAY.wasm], variables: { ...gateway, LOG_RECORDS: "true" }, settings: wrangler(), bindings: true },
    causeway: { modules: [CAUSEWAY.script, CAUSEWAY.wasm], variables: gateway, settings: wrangler(), bindings: true },
  };
}

/**
 * Starts a Worker and has it answer one request. `took` is the time from the start of the process to the first byte of
 * that answer, in milliseconds.
 */
export async function start(worker, request) {
  const folder = mkdtempSync(join(MEMORY, "causeway-bench-"));
  const modules = [...worker.modules, ...(worker.bindings ? [join(BENCH, "kv.js")] : [])];
  for (const module of modules) copyFileSync(module, join(folder, basename(module)));
  // In memory the Durable Objects would have no SQLite.
  mkdirSync(join(folder, "objects"));
  writeFileSync(join(folder, "worker.capnp"), configuration(worker, join(folder, "objects")));

  const begun = performance.now();
  const child = spawn(WORKERD, ["serve", "--experimental", "--control-fd=3", join(folder, "worker.capnp")], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  running.set(child, folder);
  let output = "";
  child.stdout.on("data", (chunk) => (output = (output + chunk).slice(-4000)));
  child.stderr.on("data", (chunk) => (output = (output + chunk).slice(-4000)));
  const ended = new Promise((resolve) => child.on("exit", resolve)).then(() => {
    running.delete(child);
    rmSync(folder, { recursive: true, force: true });
  });
  const stop = () => {
    child.kill("SIGKILL"); // at SIGTERM it would wait for hanging requests
    return ended;
  };

  try {
    const failed = ended.then(() => Promise.reject(new Error("workerd ended")));
    const port = await Promise.race([listening(child.stdio[3]), failed]);
    await Promise.race([answered(port, request), failed]);
    return { port, pid: child.pid, took: performance.now() - begun, output: () => output, stop };
  } catch (error) {
    await stop();
    throw new Error(`${basename(worker.modules[0])} did not answer: ${error.message}\n${output}`);
  }
}

/** Every workerd of this run and its folder; none is left behind, however the run ends. */
const running = new Map();
process.on("exit", () => {
  for (const [child, folder] of running) {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
});

/** User and system time of all threads of a process so far, in seconds. */
export function cpu(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

const TICKS = 100; // per second, on every Linux that Node runs on

const WORKERD = workerd();

function workerd() {
  const platform = `${process.platform}-${process.arch === "x64" ? "64" : process.arch}`;
  const places = [`node_modules/@cloudflare/workerd-${platform}/bin/workerd`, "node_modules/workerd/bin/workerd"];
  const found = [process.env.WORKERD_BIN, ...places.map((place) => join(ROOT, place))].find((path) => path && existsSync(path));
  if (!found) throw new Error("There is no workerd: run scripts/setup, or name one in WORKERD_BIN.");
  return found;
}

/** Resolves with the port, once workerd tells it. */
function listening(control) {
  let text = "";
  return new Promise((resolve) => {
    control.on("data", (chunk) => {
      text += chunk;
      const events = text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
      const socket = events.find(({ event, socket }) => event === "listen" && socket === "http");
      if (socket) resolve(socket.port);
    });
  });
}

function answered(port, { path, headers, body }) {
  const head = [`POST ${path} HTTP/1.1`, `host: 127.0.0.1:${port}`, ...headers, `content-length: ${Buffer.byteLength(body)}`];
  return new Promise((resolve, reject) => {
    const socket = new Socket();
    socket.on("error", reject);
    socket.once("data", (chunk) => {
      socket.destroy();
      if (chunk.toString("latin1").startsWith("HTTP/1.1 200 ")) resolve();
      else reject(new Error(`the first answer was ${chunk}`));
    });
    socket.connect(port, "127.0.0.1", () => socket.write(`${head.join("\r\n")}\r\n\r\n${body}`));
  });
}

/** What of wrangler.toml matters here. */
function wrangler() {
  const toml = readFileSync(join(ROOT, "wrangler.toml"), "utf8");
  return {
    date: toml.match(/^compatibility_date = "(.*?)"/m)[1],
    flags: JSON.parse(toml.match(/^compatibility_flags = (\[.*?\])/m)?.[1] ?? "[]"),
    kv: [...toml.matchAll(/^\[\[kv_namespaces\]\]\s+binding = "(.*?)"/gm)].map(([, name]) => name),
    objects: [...toml.matchAll(/^\[\[durable_objects\.bindings\]\]\s+name = "(.*?)"\s+class_name = "(.*?)"/gm)].map(
      ([, name, className]) => ({ name, className }),
    ),
  };
}

function configuration({ modules, variables, settings, bindings }, disk) {
  const text = JSON.stringify;
  const { date, flags, kv, objects } = bindings ? settings : { ...settings, kv: [], objects: [] };
  const module = (path) => `(name = ${text(basename(path))}, ${path.endsWith(".wasm") ? "wasm" : "esModule"} = embed ${text(basename(path))})`;
  const bound = [
    ...Object.entries(variables).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`),
    ...kv.map((name) => `(name = ${text(name)}, kvNamespace = "kv")`),
    ...objects.map(({ name, className }) => `(name = ${text(name)}, durableObjectNamespace = ${text(className)})`),
  ];
  const classes = [...new Set(objects.map(({ className }) => className))];
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    ${kv.length ? '(name = "kv", worker = .kv),' : ""}
    (name = "disk", disk = (path = ${text(disk)}, writable = true)),
    (name = "internet", network = (allow = ["public", "private", "local"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "worker")],
);
const worker :Workerd.Worker = (
  modules = [${modules.map(module).join(", ")}],
  compatibilityDate = ${text(date)},
  compatibilityFlags = ${text(flags)},
  bindings = [${bound.join(", ")}],
  durableObjectNamespaces = [${classes.map((name) => `(className = ${text(name)}, uniqueKey = ${text(name)}, enableSql = true)`).join(", ")}],
  durableObjectStorage = (localDisk = "disk"),
);
${kv.length ? `const kv :Workerd.Worker = (modules = [${module("kv.js")}], compatibilityDate = ${text(date)});` : ""}
`;
}
