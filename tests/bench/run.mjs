// Measures Causeway against a bare Worker on the same workerd; scripts/bench says how to call it.
//
// All ratios are to the bare Worker, asked the same at nearly the same time: contestants, each a process of its own, take
// turns within a round, in an order that changes, and of the rounds' ratios the median counts. On a noisy machine the
// times say little; the CPU time of the workerd process per request is the figure to go by.

import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { ADDED, ASKED, CONTESTANTS, TARGETS, check, request } from "./cases.mjs";
import { ratioTable, startLines, targetTable } from "./tables.mjs";
import { CAUSEWAY, cpu, makeKey, start, workers } from "./workers.mjs";

const PROGRAMS = fileURLToPath(new URL("../../target/bench/release/", import.meta.url));

/** Rounds are many and short: a neighbour's burst then spoils one of them, not the figure. */
const PLANS = {
  full: {
    seconds: 0.5,
    starts: 9,
    warmUp: 1.5,
    series: [
      ...["json", "stream", "stream_plain", "config", "hit", "keyed", "100kb"].flatMap((asked) => [
        { asked, connections: 1, rounds: 5 },
        { asked, connections: 16, rounds: 11 },
        { asked, connections: 64, rounds: 5 },
      ]),
      { asked: "stream_paced", connections: 16, rounds: 5 },
    ],
  },
  quick: {
    seconds: 0.4,
    starts: 5,
    warmUp: 0.8,
    series: [
      { asked: "json", connections: 16, rounds: 5 },
      { asked: "stream", connections: 1, rounds: 3 },
      { asked: "stream", connections: 16, rounds: 5 },
      { asked: "stream_plain", connections: 16, rounds: 3 },
      { asked: "config", connections: 16, rounds: 5 },
      { asked: "hit", connections: 16, rounds: 5 },
      { asked: "keyed", connections: 16, rounds: 5 },
      { asked: "100kb", connections: 16, rounds: 5 },
    ],
  },
};

/** Where the ratios of the summary are taken: busy, but not waiting in line. */
const BUSY = 16;

/** A gateway goes on for some milliseconds after its answer, and that is part of what a request costs. */
const AFTERMATH = 400;

async function main() {
  const { values } = parseArgs({ options: { quick: { type: "boolean" }, json: { type: "string" } } });
  const plan = values.quick ? PLANS.quick : PLANS.full;
  const upstream = await startUpstream();
  const kinds = workers(upstream.port);

  say("starting");
  const started = await startTimes(kinds, upstream.port, plan.starts);
  const field = { upstream: upstream.port, workers: {} };
  for (const [contestant, { worker }] of Object.entries(CONTESTANTS)) {
    if (worker) field.workers[contestant] = await start(kinds[worker], request(contestant, "json", upstream.port));
  }
  ASKED.keyed.key = await makeKey(field.workers.relay.port);

  await warmUp(field, plan);
  const results = [];
  for (const series of plan.series) {
    say(`${series.asked}, ${series.connections} at a time`);
    results.push(...(await measure(field, series, plan.seconds)));
  }

  const summary = summarize(results, started);
  say("");
  console.log(ratioTable(results));
  console.log(targetTable(summary, TARGETS, ADDED));
  console.log(startLines(started));
  if (values.json) writeFileSync(values.json, JSON.stringify({ ...summary, started, results }, null, 2) + "\n");
}

/** Start to first answer of the bare Worker and of Causeway in turn: the median of each, in milliseconds. */
async function startTimes(kinds, upstream, times) {
  const taken = { bare: [], relay: [] };
  for (let at = -1; at < times; at++) {
    for (const contestant of rotated(["bare", "relay"], at + 1)) {
      const worker = await start(kinds[CONTESTANTS[contestant].worker], request(contestant, "json", upstream));
      await worker.stop();
      if (at >= 0) taken[contestant].push(worker.took); // before that, files were cold
    }
  }
  return { bare: median(taken.bare), causeway: median(taken.relay) };
}

/** Checks every answer that will be measured, and has the code compiled that gives it. */
async function warmUp(field, plan) {
  for (const asked of new Set(plan.series.map((series) => series.asked))) {
    say(`warming up: ${asked}`);
    for (const contestant of ASKED[asked].by) {
      await check(contestant, asked, portOf(field, contestant), field.upstream);
      if (contestant !== "direct") await load(field, contestant, asked, BUSY, plan.warmUp);
    }
  }
}

/** A result per contestant: the median of each figure, and of its ratio to the bare Worker's of the same round. */
async function measure(field, { asked, connections, rounds }, seconds) {
  const by = ASKED[asked].by;
  const reports = Object.fromEntries(by.map((contestant) => [contestant, []]));
  const cpuAt = Object.fromEntries(by.map((contestant) => [contestant, []]));
  for (let round = 0; round < rounds; round++) {
    for (const contestant of rotated(by, round)) {
      cpuAt[contestant].push(cpuOf(field, contestant));
      reports[contestant].push(await load(field, contestant, asked, connections, seconds));
    }
  }
  await new Promise((resolve) => setTimeout(resolve, AFTERMATH));
  for (const contestant of by) cpuAt[contestant].push(cpuOf(field, contestant));

  // From the begin of a turn to the begin of the next, so that the aftermath counts: between turns nothing else is done.
  const turns = (contestant) => reports[contestant].map(({ requests, per_second, p50, p99, first_byte }, round) => {
    const [begin, end] = cpuAt[contestant].slice(round);
    return { per_second, p50, p99, first_byte, ...(begin !== undefined && { cpu_us: ((end - begin) / requests) * 1e6 }) };
  });
  const bare = turns("bare");
  const plain = by.includes("plain") && turns("plain");
  return by.map((contestant) => {
    const own = turns(contestant);
    const each = (value) => Object.fromEntries(Object.keys(own[0]).map((figure) => [figure, value(figure)]));
    return {
      case: `${contestant}_${asked}`,
      connections,
      ...each((figure) => median(own.map((turn) => turn[figure]))),
      ratios: each((figure) => median(own.map((turn, round) => turn[figure] / bare[round][figure]))),
      ...(plain && { over_plain: median(own.map((turn, round) => turn.cpu_us / plain[round].cpu_us)) }),
    };
  });
}

function cpuOf(field, contestant) {
  const worker = field.workers[contestant];
  return worker && cpu(worker.pid);
}

async function load(field, contestant, asked, connections, seconds) {
  const { path, headers, body } = request(contestant, asked, field.upstream);
  const bounds = { port: portOf(field, contestant), path, connections, seconds };
  const options = [...Object.entries(bounds).flatMap(([name, value]) => [`--${name}`, `${value}`]), ...headers.flatMap((line) => ["--header", line])];
  const child = spawn(`${PROGRAMS}load`, options, { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(body);
  let output = "";
  for await (const chunk of child.stdout) output += chunk;
  const report = JSON.parse(output);
  if (report.errors > 0 || report.requests === 0) {
    const words = field.workers[contestant]?.output() ?? "";
    throw new Error(`${contestant}_${asked} at ${connections}: ${report.errors} errors, ${report.error}\n${words}`);
  }
  return report;
}

function portOf(field, contestant) {
  return field.workers[contestant]?.port ?? field.upstream;
}

function summarize(results, started) {
  const found = (name, connections) => results.find((result) => result.case === name && result.connections === connections);
  const each = (names, figure) => Object.fromEntries(names.map((name) => [name, round(figure(found(name, BUSY)), 3)]));
  const wasm = readFileSync(CAUSEWAY.wasm);
  return {
    ratios: each([...Object.keys(TARGETS), ...Object.keys(ADDED)], ({ ratios }) => ratios.cpu_us),
    over_relay: each(Object.keys(ADDED), ({ over_plain }) => over_plain),
    wasm: { bytes: wasm.length, gzip: gzipSync(wasm, { level: 9 }).length },
    start_ms: round(started.causeway - started.bare, 1),
    first_byte_ms: round(found("relay_stream", 1).first_byte - found("bare_stream", 1).first_byte, 3),
  };
}

/** The fake provider; it ends when its standard input does, so it cannot outlive this. */
async function startUpstream() {
  const child = spawn(`${PROGRAMS}upstream`, { stdio: ["pipe", "pipe", "inherit"] });
  process.on("exit", () => child.kill("SIGKILL"));
  for await (const chunk of child.stdout) return { port: Number(chunk.toString()) };
  throw new Error("The fake provider did not start.");
}

function rotated(list, by) {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function round(number, digits) {
  return Number(number.toFixed(digits));
}

function say(what) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}`);
  else if (what) process.stderr.write(`bench: ${what}\n`);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));
main().then(
  () => process.exit(0),
  (error) => {
    console.error(`\nbench: ${error.message}`);
    process.exit(1);
  },
);
