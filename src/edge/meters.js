// What requests say to meters.

/** How long what is to be told to meters waits for company. */
export const SOON = 50;

/** A block's lines as [meter, verb, body]. */
export function notes(block) {
  return block.split("\n").slice(0, -1).map((line) => line.split("\t"));
}

/** What is still to be told to meters. It goes along with what they are asked next, or soon by itself. */
class Untold {
  #lines = new Map();
  #scheduled = 0;

  put(meter, lines) {
    this.#lines.set(meter, [...(this.#lines.get(meter) ?? []), ...lines]);
  }

  take(meter) {
    const lines = this.#lines.get(meter) ?? [];
    this.#lines.delete(meter);
    return lines;
  }

  /** Whether whoever asks is to tell it: one request does for all, unless it came to nothing. */
  schedule() {
    const now = Date.now();
    if (now - this.#scheduled < 10 * SOON) return false;
    this.#scheduled = now;
    return true;
  }

  async tell(env) {
    this.#scheduled = 0;
    await Promise.all([...this.#lines.keys()].map((meter) => said(env, meter, "settle").catch(() => {})));
  }
}

export const untold = new Untold();

/** Says something to a meter, and what it is still to be told. What did not arrive is told again: twice does no harm. */
export async function said(env, meter, verb, ...lines) {
  const along = untold.take(meter);
  try {
    return await meterOf(env, meter).say(verb, [...lines, ...along].join("\n"));
  } catch {
    // As one that says nothing.
  }
  untold.put(meter, along);
  return "";
}

/** The meter of this name. */
export function meterOf({ METER }, name) {
  return METER.get(METER.idFromName(name));
}
