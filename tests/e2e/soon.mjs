import assert from "node:assert/strict";

const WITHIN_MS = 100;
const OFTEN = 3;
const AT_MOST = 15;

/**
 * That what `run` measures, and gives in milliseconds, takes no longer than a tenth of a second. A busy machine is late
 * now and then, and late with all it does: what is slow by itself is never in time, what is quick often is.
 */
export async function assertSoon(run) {
  const took = [];
  while (took.filter((ms) => ms <= WITHIN_MS).length < OFTEN) {
    assert.ok(took.length < AT_MOST, `took ${took.map((ms) => Math.round(ms)).join(", ")} ms`);
    took.push(await run(took.length));
  }
}
