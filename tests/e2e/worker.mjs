// The built Worker in the real runtime: workerd itself with real sockets, no tool in between, because only so does a
// caller that leaves look like one. What wrangler.toml says of date, flags and Durable Objects holds here too.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "./until.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export const ADMIN_TOKEN = "e2e-admin";

const VARIABLES = {
  ADMIN_TOKEN,
  MASTER_KEY: Buffer.alloc(32, 7).toString("base64"),
  LOG_RECORDS: "true",
  REQUIRE_KEY: "false",
  SANDBOX: "true",
  TRUSTED_CUSTOM_HOSTS: "localhost,127.0.0.1",
};

/**
 * Starts a Worker of its own, the built one or one from another folder. `record(model)` gives the record of the last
 * request for a model, once it is printed. With `twin` there is a second isolate on the same storage, at `twin`. With
 * `inspected`, `inspector` is the port of its inspector. With `disk`, a folder, the Durable Objects keep what they
 * know there, and one that is started later finds it.
 */
export async function startWorker(variables = {}, build = join(ROOT, "build"), { twin = false, inspected = false, disk } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "causeway-e2e-"));
  // In memory they would have no SQLite.
  disk ??= join(folder, "objects");
  mkdirSync(disk, { recursive: true });
  for (const name of ["index.js", "index_bg.wasm"]) symlinkSync(join(build, name), join(folder, name));
  writeFileSync(join(folder, "kv.js"), KV);
  writeFileSync(join(folder, "meters.js"), METERS);
  writeFileSync(join(folder, "worker.capnp"), configuration({ ...VARIABLES, ...variables }, twin, disk));

  const child = spawn(workerd(), ["serve", "--experimental", "--control-fd=3", ...(inspected ? ["--inspector-addr=127.0.0.1:0"] : []), join(folder, "worker.capnp")], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const output = { text: "", records: [] };
  let rest = "";
  child.stdout.on("data", (chunk) => {
    output.text += chunk;
    const lines = (rest + chunk).split("\n");
    rest = lines.pop();
    output.records.push(...lines.map(recordOf).filter(Boolean));
  });
  child.stderr.on("data", (chunk) => (output.text += chunk));
  let control = "";
  child.stdio[3].on("data", (chunk) => (control += chunk));
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const last = twin ? "twin" : "http";
  const port = await until(() => (listening(control, last) && listening(control, "http")) ?? (child.exitCode === null ? undefined : Promise.reject(new Error(output.text))), "workerd's port")
    .catch((error) => {
      child.kill("SIGKILL");
      throw new Error(`workerd did not start: ${error.message}\n${output.text}`);
    });

  const find = (matches) => output.records.findLast(matches);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    ...(twin && { twin: `http://127.0.0.1:${listening(control, "twin")}`, kv: `http://127.0.0.1:${listening(control, "kv")}` }),
    output,
    inspector: inspected && inspectorOf(control),
    /** Puts a value into the KV namespace, as if it had been there before. */
    store: async (key, value) => {
      const kv = await until(() => listening(control, "kv"), "the port of the namespace");
      const { status } = await fetch(`http://127.0.0.1:${kv}/${encodeURIComponent(key)}`, { method: "PUT", body: value });
      if (status !== 200) throw new Error(`${key} was not stored: ${status}`);
    },
    /** All that the KV namespace holds, as one text. */
    kept: async () => {
      const kv = await until(() => listening(control, "kv"), "the port of the namespace");
      const { keys } = await (await fetch(`http://127.0.0.1:${kv}/?prefix=`)).json();
      const texts = keys.map(async ({ name }) => name + (await (await fetch(`http://127.0.0.1:${kv}/${encodeURIComponent(name)}`)).text()));
      return (await Promise.all(texts)).join("\n");
    },
    /** Says something to the meter of a holder; gives what it says. */
    meter: async (holder, verb, body) => {
      const meters = await until(() => listening(control, "meters"), "the port of the meters");
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const answer = await fetch(`http://127.0.0.1:${meters}/${encodeURIComponent(holder)}/${verb}`, { method: "POST", body: text ?? "" });
      const said = await answer.text();
      if (answer.status !== 200) throw new Error(`${holder} ${verb}: ${answer.status} ${said}`);
      return JSON.parse(said);
    },
    record: (model) => until(() => find((record) => record.model === model), `a record of ${model}`),
    // At SIGTERM it would wait for hanging requests for ever.
    stop: async () => {
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function workerd() {
  const require = createRequire(createRequire(import.meta.url).resolve("wrangler/package.json"));
  const platform = `${process.platform}-${process.arch === "x64" ? "64" : process.arch}`;
  return createRequire(require.resolve("workerd/package.json")).resolve(`@cloudflare/workerd-${platform}/bin/workerd`);
}

function listening(control, socket) {
  for (const line of control.split("\n").slice(0, -1)) {
    const event = JSON.parse(line);
    if (event.event === "listen" && event.socket === socket) return event.port;
  }
}

function inspectorOf(control) {
  const events = control.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  return events.find(({ event }) => event === "listen-inspector")?.port;
}

/** A printed line that is a record: an object with a request's id and how it ended. */
function recordOf(line) {
  try {
    const value = JSON.parse(line);
    return value?.request_id && value.outcome ? value : undefined;
  } catch {
    return undefined;
  }
}

function configuration(variables, twin, disk) {
  const toml = readFileSync(join(ROOT, "wrangler.toml"), "utf8");
  const text = JSON.stringify;
  const date = toml.match(/^compatibility_date = (".*?")/m)[1];
  const flags = toml.match(/^compatibility_flags = (\[.*?\])/m)?.[1] ?? "[]";
  const objects = [...toml.matchAll(/^\[\[durable_objects\.bindings\]\]\s+name = "(.*?)"\s+class_name = "(.*?)"/gm)];
  const bindings = (service) => [
    ...Object.entries(variables).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`),
    '(name = "KV", kvNamespace = "kv")',
    ...objects.map(([, name, className]) => `(name = ${text(name)}, durableObjectNamespace = (className = ${text(className)}${service ? `, serviceName = ${text(service)}` : ""}))`),
  ].join(", ");
  const classes = [...new Set(objects.map(([, , className]) => className))];
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "causeway", worker = .causeway),
${twin ? '    (name = "twin", worker = .twin),\n' : ""}    (name = "kv", worker = .kv),
    (name = "meters", worker = .meters),
    (name = "disk", disk = (path = ${text(disk)}, writable = true)),
    (name = "internet", network = (allow = ["public", "private", "local"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [
    (name = "http", address = "127.0.0.1:0", http = (), service = "causeway"),
    (name = "kv", address = "127.0.0.1:0", http = (), service = "kv"),
    (name = "meters", address = "127.0.0.1:0", http = (), service = "meters"),
${twin ? '    (name = "twin", address = "127.0.0.1:0", http = (), service = "twin"),\n' : ""}  ],
);
const causeway :Workerd.Worker = (
  modules = [(name = "index.js", esModule = embed "index.js"), (name = "index_bg.wasm", wasm = embed "index_bg.wasm")],
  compatibilityDate = ${date},
  compatibilityFlags = ${flags},
  bindings = [${bindings()}],
  durableObjectNamespaces = [${classes.map((name) => `(className = ${text(name)}, uniqueKey = ${text(name)}, enableSql = true)`).join(", ")}],
  durableObjectStorage = (localDisk = "disk"),
);
${twin ? `const twin :Workerd.Worker = (
  modules = [(name = "index.js", esModule = embed "index.js"), (name = "index_bg.wasm", wasm = embed "index_bg.wasm")],
  compatibilityDate = ${date},
  compatibilityFlags = ${flags},
  bindings = [${bindings("causeway")}],
);
` : ""}const meters :Workerd.Worker = (
  modules = [(name = "meters.js", esModule = embed "meters.js")],
  compatibilityDate = ${date},
  bindings = [(name = "METER", durableObjectNamespace = (className = "Meter", serviceName = "causeway"))],
);
const kv :Workerd.Worker = (
  modules = [(name = "kv.js", esModule = embed "kv.js")],
  compatibilityDate = ${date},
);
`;
}

/** A way to the meters, which no route of the Worker leads to. */
const METERS = `
export default {
  async fetch(request, { METER }) {
    const [, holder, verb] = new URL(request.url).pathname.split("/");
    return new Response(await METER.get(METER.idFromName(decodeURIComponent(holder))).say(verb, await request.text()));
  },
};
`;

/** KV behind the protocol that workerd's binding speaks, in memory. `POST /?failing=true` has it take nothing more. */
const KV = `
const entries = new Map();
let failing = false;
const alive = (key) => {
  const entry = entries.get(key);
  if (entry && entry.expires > Date.now()) return entry;
  entries.delete(key);
};
export default {
  async fetch(request) {
    const url = new URL(request.url);
    const key = decodeURIComponent(url.pathname.slice(1));
    if (url.pathname === "/bulk/get") {
      const { keys } = await request.json();
      return Response.json(Object.fromEntries(keys.map((key) => [key, alive(key) ? { value: new TextDecoder().decode(alive(key).value) } : null])));
    }
    if (request.method === "POST" && url.pathname === "/") {
      failing = url.searchParams.get("failing") === "true";
      return new Response();
    }
    if (failing && request.method !== "GET") {
      await request.arrayBuffer();
      return new Response("out of order", { status: 500 });
    }
    if (request.method === "PUT") {
      const ttl = url.searchParams.get("expiration_ttl");
      const metadata = request.headers.get("CF-KV-Metadata");
      entries.set(key, { value: await request.arrayBuffer(), metadata, expires: ttl ? Date.now() + ttl * 1000 : Infinity });
      return new Response();
    }
    if (request.method === "DELETE") {
      entries.delete(key);
      return new Response();
    }
    if (key === "") {
      const prefix = url.searchParams.get("prefix") ?? "";
      const keys = [...entries.keys()].filter((name) => name.startsWith(prefix) && alive(name)).sort().map((name) => ({ name }));
      return Response.json({ keys, list_complete: true, cacheStatus: null });
    }
    const entry = alive(key);
    if (!entry) return new Response("Not Found", { status: 404 });
    return new Response(entry.value, { headers: entry.metadata ? { "CF-KV-Metadata": entry.metadata } : {} });
  },
};
`;
