// An upstream's answer, and headers as both sides know them.

import { Pieces, patient, whole } from "./streams.js";

/** An upstream's answer: what of it is asked for. */
export class Upstream {
  constructor(exchange, response) {
    this.exchange = exchange;
    this.response = response;
    this.status = response.status;
    this.headers = {};
    for (const [name, value] of response.headers) this.headers[name] = value;
    // A failure's words are read whole, whatever they come as.
    this.stream = response.ok && /^(text\/event-stream|application\/vnd\.amazon\.eventstream)/i.test(this.headers["content-type"] ?? "");
  }

  header(name) {
    return this.headers[name];
  }

  /** The next piece of a stream, null for its end; it comes again with the body. Fails with "late". */
  peek(slot, timeout) {
    this.exchange.land(slot, this.peeked(timeout));
  }

  async peeked(timeout) {
    this.pieces ??= new Pieces(this.response.body);
    this.kept ??= [];
    try {
      const { value, done, slow } = await patient(() => this.pieces.next(), 0, timeout)();
      if (slow) throw slow;
      if (!done) this.kept.push(value);
      // What crosses into the wasm is copied there.
      return done ? null : value;
    } catch (error) {
      throw this.exchange.request.signal.aborted ? "abandoned" : error === "late" ? error : String(error);
    }
  }

  /** The body: the pieces that were looked at, and the stream of the rest. */
  parts() {
    this.pieces?.release();
    return { begun: this.kept ?? [], rest: this.response.body };
  }

  /** Reads the body from its beginning, with bounds on the time. */
  reading(idle, total) {
    this.pieces ??= new Pieces(this.response.body);
    const begun = this.kept ?? [];
    const read = patient(() => this.pieces.read(), idle, total);
    return async () => (begun.length ? { value: begun.shift() } : read());
  }

  /** Nobody wants the rest. */
  cancel() {
    (this.pieces ?? this.response.body)?.cancel().catch(() => {});
  }

  /** The body of a stream, whole; null when it is longer than the limit. */
  gather(slot, limit) {
    this.exchange.land(slot, this.whole(limit));
  }

  whole(limit) {
    if (!(this.headers["content-length"] > limit)) return whole(this.response, limit);
    this.response.body?.cancel().catch(() => {});
    return null;
  }
}

// Of the connection to the upstream, or of its site; the rest of a relayed answer's headers pass.
const NOT_PASSED = new Set([
  "alt-svc", "connection", "content-encoding", "content-length", "keep-alive", "nel", "report-to", "retry-after",
  "server", "set-cookie", "strict-transport-security", "transfer-encoding", "access-control-allow-origin",
  "access-control-expose-headers", "access-control-allow-credentials",
]);

/** The lines of a block as headers, over those of the upstream that may pass. */
export function fields(block, upstream) {
  const all = {};
  for (const name in upstream?.headers) if (!NOT_PASSED.has(name)) all[name] = upstream.headers[name];
  for (let at = 0; at < block.length; ) {
    const colon = block.indexOf(":", at);
    const end = block.indexOf("\n", colon);
    all[block.slice(at, colon)] = block.slice(colon + 1, end);
    at = end + 1;
  }
  return all;
}
