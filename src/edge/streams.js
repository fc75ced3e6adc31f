// Bodies and time.

/** Pieces and then a stream, into where they are wanted. */
export async function through(pieces, rest, writable, options) {
  try {
    const writer = writable.getWriter();
    for (const piece of pieces) await writer.write(piece);
    writer.releaseLock();
  } catch (error) {
    rest.cancel().catch(() => {});
    throw error;
  }
  await rest.pipeTo(writable, options);
}

/** A body, whole; null when it is longer than the limit. */
export async function whole(message, limit) {
  const buffer = await message.arrayBuffer();
  return buffer.byteLength > limit ? null : new Uint8Array(buffer);
}

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What a promise comes to; fails with "late" when that takes longer. */
export async function within(ms, promise) {
  let timer;
  const late = new Promise((_, fail) => (timer = setTimeout(fail, ms, "late")));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Where so many pieces in a row came within so many milliseconds of one another, more are waited for as long. */
const HASTY = 3;
const GATHER = 8;

/** So many bytes are gathered at the most. */
const SPAN = 16384;

/**
 * The pieces of a stream. Each that is read costs a way into the isolate, so where they come faster than anybody can
 * follow, some are gathered and taken at once. The platform gives one at a time; but a tee keeps what its other branch
 * has taken. That one is emptied without anybody looking on, and never far ahead of who reads.
 */
export class Pieces {
  #stream;
  #reader;
  #gathered;
  #sink;
  #emptied;
  #ahead = 0;
  #hasty = 0;
  #last = 0;

  constructor(stream) {
    this.#stream = stream;
    this.#reader = stream.getReader();
  }

  /** One piece, whatever comes after it. */
  next() {
    return this.#reader.read();
  }

  /** One piece, or some. */
  async read() {
    if (!this.#gathered && this.#hasty >= HASTY) this.#gather();
    if (this.#gathered && Date.now() - this.#last < GATHER) await within(GATHER, this.#emptied).catch(() => {});
    const piece = await (this.#gathered ? this.#gathered.read() : this.next());
    const now = Date.now();
    this.#hasty = now - this.#last < GATHER ? this.#hasty + 1 : 0;
    this.#last = now;
    if (this.#gathered) this.#taken(piece);
    return piece;
  }

  #gather() {
    this.release();
    const [near, far] = this.#stream.tee();
    const channel = new IdentityTransformStream();
    near.pipeTo(channel.writable).catch(() => {});
    this.#sink = channel.readable.getReader({ mode: "byob" });
    this.#gathered = batches(far);
    this.#empty();
  }

  /** One native read empties a span. The next is begun when all of it has been taken. */
  #empty() {
    const emptied = ({ value, done }) => {
      this.#ahead += value?.byteLength ?? 0;
      if (!done && this.#ahead <= 0) this.#empty();
    };
    this.#emptied = this.#sink.readAtLeast(SPAN, new Uint8Array(SPAN)).then(emptied, () => {});
  }

  #taken({ value, done }) {
    const waits = this.#ahead > 0;
    this.#ahead -= value?.byteLength ?? 0;
    if (done) this.#sink.cancel().catch(() => {});
    else if (waits && this.#ahead <= 0) this.#empty();
  }

  release() {
    this.#reader.releaseLock();
  }

  async cancel() {
    if (!this.#gathered) return this.#reader.cancel();
    await Promise.all([this.#sink.cancel(), this.#gathered.cancel()]);
  }
}

/** Reads with bounds on the time between pieces and on all of it, if any; says in time's place which was `slow`. */
export function patient(read, idle, total) {
  if (!idle && !total) return read;
  const end = total ? Date.now() + total : Infinity;
  return async () => {
    const left = end - Date.now();
    const [ms, slow] = idle && idle < left ? [idle, "idle"] : [Math.max(left, 0), "late"];
    let timer;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, ms, { slow })));
    const next = read();
    next.catch(() => {});
    try {
      return await Promise.race([next, late]);
    } finally {
      clearTimeout(timer);
    }
  };
}

/** Reads as much as has come at once, where the stream allows it. */
export function batches(stream) {
  const cancel = (reader) => () => reader.cancel().catch(() => {});
  try {
    const reader = stream.getReader({ mode: "byob" });
    return { read: () => reader.read(new Uint8Array(SPAN)), cancel: cancel(reader) };
  } catch {
    const reader = stream.getReader();
    return { read: () => reader.read(), cancel: cancel(reader) };
  }
}
