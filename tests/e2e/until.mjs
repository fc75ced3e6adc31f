import { setTimeout as sleep } from "node:timers/promises";

/** Waits for what `look` gives to be something, and gives it. */
export async function until(look, ms, what) {
  const deadline = performance.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`${what} did not come within ${ms} ms`);
    await sleep(2);
  }
}
