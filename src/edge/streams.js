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

/** Reads with a bound on the time between pieces, and on all of it; says in time's place which was `slow`. */
export function patient(reader, idle, total) {
  const end = total ? Date.now() + total : Infinity;
  return async () => {
    const left = end - Date.now();
    const [ms, slow] = idle && idle < left ? [idle, "idle"] : [Math.max(left, 0), "late"];
    let timer;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, ms, { slow })));
    const next = reader.read();
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
    return { read: () => reader.read(new Uint8Array(65536)), cancel: cancel(reader) };
  } catch {
    const reader = stream.getReader();
    return { read: () => reader.read(), cancel: cancel(reader) };
  }
}
