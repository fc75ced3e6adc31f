// How results are shown.

const FIRST_BYTE = 1; // ms after the bare Worker's
const GZIPPED = 1 << 20;
const START = 25; // ms after the bare Worker's

/** Every case: its figures, and then each as a ratio to the bare Worker's. */
export function ratioTable(results) {
  const head = ["case", "at once", "req/s", "p50 ms", "p99 ms", "first ms", "CPU µs", "| ×bare", "req/s", "p50", "p99", "first", "CPU"];
  const rows = results.map((result) => {
    const { per_second, p50, p99, first_byte, cpu_us, ratios } = result;
    const figures = [per_second.toFixed(0), p50.toFixed(2), p99.toFixed(2), first_byte.toFixed(2), cpu_us?.toFixed(0) ?? "-"];
    const compared = [ratios.per_second, ratios.p50, ratios.p99, ratios.first_byte, ratios.cpu_us];
    return [result.case, `${result.connections}`, ...figures, "|", ...compared.map((ratio) => ratio?.toFixed(2) ?? "-")];
  });
  const groups = rows.map((row, at) => (at > 0 && series(results[at]) !== series(results[at - 1]) ? [[], row] : [row]));
  return "\n" + aligned([head, ...groups.flat()]) + "\n";
}

function series(result) {
  return `${result.case.slice(result.case.indexOf("_"))} ${result.connections}`;
}

export function targetTable({ ratios, over_relay, wasm, start_ms, first_byte_ms }, targets, added) {
  const row = (name, value, target, unit) => [name, `${value}${unit}`, `<= ${target}${unit}`, value <= target ? "ok" : "MISSED"];
  return aligned([
    ["summary", "is", "target", ""],
    ...Object.entries(targets).map(([name, target]) => row(`CPU of ${name}`, ratios[name], target, " ×")),
    ...Object.entries(added).map(([name, target]) => row(`CPU of ${name}, over the plain relay's`, over_relay[name], target, " ×")),
    row("first byte of a stream, after bare's", first_byte_ms, FIRST_BYTE, " ms"),
    row("first answer after start, after bare's", start_ms, START, " ms"),
    row("wasm, gzipped", wasm.gzip, GZIPPED, " bytes"),
    ["wasm", `${wasm.bytes} bytes`, "", ""],
  ]);
}

export function startLines({ bare, causeway }) {
  return `Start to first answer: bare ${bare.toFixed(1)} ms, causeway ${causeway.toFixed(1)} ms.`;
}

function aligned(rows) {
  const widths = [];
  for (const row of rows) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, cell.length)));
  const line = (row) => row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join("  ");
  return rows.map((row) => line(row).trimEnd()).join("\n");
}
