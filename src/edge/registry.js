// The Durable Object that knows what there is.

import { DurableObject } from "cloudflare:workers";
import { meterOf } from "./meters.js";
import { within } from "./streams.js";
import { due, enter, register, settle, told } from "./wasm.js";

/** Rows of text under names, in the database of a Durable Object. */
class Shelf {
  #sql;

  constructor(storage) {
    this.#sql = storage.sql;
    this.#sql.exec("CREATE TABLE IF NOT EXISTS rows (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID");
  }

  get(name) {
    for (const { value } of this.#sql.exec("SELECT value FROM rows WHERE name = ?", name)) return value;
  }

  put(name, value) {
    this.#sql.exec("INSERT INTO rows VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", name, value);
  }

  remove(name) {
    this.#sql.exec("DELETE FROM rows WHERE name = ?", name);
  }

  /** Prefixes end with a slash; what comes after all that begins with it begins with the next letter. */
  list(prefix, after, limit) {
    const end = prefix.slice(0, -1) + "0";
    const rows = "SELECT name, value FROM rows WHERE name > ? AND name < ? ORDER BY name LIMIT ?";
    return [...this.#sql.exec(rows, after > prefix ? after : prefix, end, limit).raw()].flat();
  }
}

/** How many things are told at once, how long each may take, and when what failed is told again. */
const TOLD_AT_ONCE = 64;
const LONGEST_TELLING = 5_000;
const AGAIN = 5_000;

/**
 * The truth of all that the admin API writes. What changed is told to the meters and to the storage before the answer
 * goes; what could not be told stays in the outbox, and an alarm has it told again.
 */
export class Registry extends DurableObject {
  #shelf;
  #telling = Promise.resolve();

  /** Asked for its health. */
  ping() {}

  async ask(asked) {
    const answer = this.#register(asked);
    await this.#tell();
    return enter(settle, this.#rows(), answer);
  }

  alarm() {
    return this.#tell();
  }

  #rows() {
    return (this.#shelf ??= new Shelf(this.ctx.storage));
  }

  /** One transaction. Of what is refused nothing stays. */
  #register(asked) {
    const masters = [this.env.MASTER_KEY_NEXT, this.env.MASTER_KEY].filter((key) => typeof key === "string");
    const seed = crypto.getRandomValues(new Uint8Array(32));
    const rows = this.#rows();
    try {
      const answer = this.ctx.storage.transactionSync(() => enter(register, rows, asked, masters, seed, Date.now()));
      // Written along with it: should all of this end now, it is told all the same.
      if (JSON.parse(answer).marks?.length) this.ctx.storage.setAlarm(Date.now() + AGAIN);
      return answer;
    } catch (refused) {
      if (typeof refused === "string") return refused;
      throw refused;
    }
  }

  /** One round at a time: else what was so earlier might be told later. */
  #tell() {
    return (this.#telling = this.#telling.then(() => this.#tellAll()).catch((error) => console.error(`registry: ${error}`)));
  }

  async #tellAll() {
    for (;;) {
      const all = JSON.parse(enter(due, this.#rows(), TOLD_AT_ONCE));
      const [meters, storage] = [all.filter((one) => one.do === "define"), all.filter((one) => one.do !== "define")];
      const outcomes = [await Promise.all(meters.map((one) => this.#tellOne(one))), await Promise.all(storage.map((one) => this.#tellOne(one)))].flat();
      if (all.length === 0) return this.ctx.storage.deleteAlarm();
      if (outcomes.includes(false)) return this.ctx.storage.setAlarm(Date.now() + AGAIN);
    }
  }

  async #tellOne(one) {
    try {
      await within(LONGEST_TELLING, this.#carryOut(one));
      enter(told, this.#rows(), one.mark, one.stamp);
      return true;
    } catch (error) {
      console.error(`registry: ${one.mark} was not told: ${error}`);
      return false;
    }
  }

  async #carryOut(one) {
    const { KV } = this.env;
    if (one.do === "put") return KV.put(one.key, one.value);
    if (one.do === "remove") return KV.delete(one.key);
    // With the time: what is late must not undo what was told after it.
    await meterOf(this.env, one.meter).say("define", `${Date.now()}\n${one.definition ?? "null"}`);
  }
}
