import { setTimeout as sleep } from "node:timers/promises";

/** Waits for what `look` gives to be something, and gives it: long enough for a machine that is busy. */
export async function until(look, what, ms = 30_000) {
  const deadline = performance.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`${what} did not come within ${ms} ms`);
    await sleep(2);
  }
}
