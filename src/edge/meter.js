// The Durable Object that counts.

import { DurableObject } from "cloudflare:workers";
import { Counter, enter, life } from "./wasm.js";

/** After how long one that never came back is not waited for any more. */
const LONGEST_LINE = 60_000;

/** How long whoever is told by a webhook may take. */
const LISTENS = 10_000;

/** The storage of a Durable Object, as the Rust side writes it. */
class Cabinet {
  constructor(storage) {
    this.storage = storage;
  }

  get(name) {
    return this.storage.kv.get(name);
  }

  put(name, value) {
    if (value === undefined) this.storage.kv.delete(name);
    else this.storage.kv.put(name, value);
  }

  all(prefix) {
    return [...this.storage.kv.list({ prefix })].flat();
  }

  forget(start, end) {
    for (const [name] of [...this.storage.kv.list({ start, end })]) this.storage.kv.delete(name);
  }

  /** The reply waits for it, as for all that is written. */
  wakeAt(ms) {
    this.storage.setAlarm(ms);
  }
}

/**
 * Each instance counts for one key, team or credential; made anew with the wasm when that broke. No reply leaves
 * before what was written for it is safe.
 */
export class Meter extends DurableObject {
  #counter;
  #life;
  #line;

  /** Asked for its health. */
  ping() {}

  say(verb, body) {
    return this.#keep((counter) => counter.say(this.ctx.id.name ?? "", verb, body, Date.now()));
  }

  meet(news) {
    return enter(() => this.#awake().meet(news, Date.now()));
  }

  /** Whoever comes first may go at once: true. Whoever comes after it gets what it got, or false where that was nothing. */
  lineUp() {
    if (this.#line && Date.now() - this.#line.since <= LONGEST_LINE) return new Promise((resolve) => this.#line.waiting.push(resolve));
    this.serveLine(false);
    this.#line = { since: Date.now(), waiting: [] };
    return true;
  }

  serveLine(value) {
    this.#line?.waiting.forEach((resolve) => resolve(value));
    this.#line = undefined;
  }

  /** Lets go what nobody settled, and sends what is to be told; what does not arrive is sent again by a later alarm. */
  async alarm() {
    const { MASTER_KEY = "", MASTER_KEY_NEXT = "", TRUSTED_CUSTOM_HOSTS = "" } = this.env;
    const masters = `${MASTER_KEY_NEXT}\n${MASTER_KEY}`;
    const deliveries = JSON.parse(this.#keep((counter) => counter.wake(masters, TRUSTED_CUSTOM_HOSTS, Date.now())));
    await Promise.all(deliveries.map((delivery) => this.#deliver(delivery)));
  }

  async #deliver({ id, url, headers, body }) {
    const answered = fetch(url, { method: "POST", headers, body, redirect: "manual", signal: AbortSignal.timeout(LISTENS) });
    const arrived = await answered.then((response) => (response.body?.cancel().catch(() => {}), response.ok), () => false);
    if (arrived) this.#keep((counter) => counter.arrived(id));
  }

  #awake() {
    if (this.#life !== life) {
      this.#counter = new Counter(new Cabinet(this.ctx.storage));
      this.#life = life;
    }
    return this.#counter;
  }

  /** All of it is written, or nothing: then what is kept is read again. */
  #keep(call) {
    try {
      return this.ctx.storage.transactionSync(() => enter(() => call(this.#awake())));
    } catch (error) {
      this.#life = undefined;
      throw typeof error === "string" ? new Error(error) : error;
    }
  }

}
