// Positions on their way to the server: counted, kept while there is no connection, sent in batches, forgotten only
// once the server has answered for them.

// A frame holds 16 KiB, a position up to 200 bytes.
const BATCH_MAX = 60;
const KEPT_MAX = 3_600;
const SEND_EVERY_MS = 1_000;
// Without a socket for this long, positions go over REST instead.
const REST_AFTER_MS = 5_000;

/** The outgoing positions of one rider. */
export class Fixes {
  #key; #api; #live; #queue; #sending = false; #liveAt = Date.now(); #last = 0;

  constructor(userId, api, live) {
    this.#key = `foodcourt.fixes.${userId}`;
    this.#api = api;
    this.#live = live;
    try {
      this.#queue = JSON.parse(localStorage.getItem(this.#key)) ?? [];
    } catch {
      this.#queue = [];
    }
    this.#last = this.#queue.at(-1)?.seq ?? 0;
    setInterval(() => this.flush(), SEND_EVERY_MS);
    addEventListener('pagehide', () => this.#keep());
  }

  /** How many wait. */
  get waiting() {
    return this.#queue.length;
  }

  /** Takes a position: `{at, lat, lon, accuracy_m, speed_mps, heading_deg}`. */
  push(fix) {
    // Counted by the clock, so that the count also grows over reloads and from one device to the next.
    this.#last = Math.max(this.#last + 1, Date.now());
    this.#queue.push({ seq: this.#last, ...fix });
    if (this.#queue.length > KEPT_MAX) this.#queue.splice(0, this.#queue.length - KEPT_MAX);
    if (this.#live.state !== 'live') this.#keep();
  }

  /** Sends what waits, oldest first, one batch at a time. */
  async flush() {
    const over = this.#live.state === 'live' ? 'socket' : Date.now() - this.#liveAt > REST_AFTER_MS && navigator.onLine ? 'rest' : null;
    if (over === 'socket') this.#liveAt = Date.now();
    if (this.#sending || !this.#queue.length || !over) return;
    this.#sending = true;
    const fixes = this.#queue.slice(0, BATCH_MAX);
    try {
      if (over === 'socket') await this.#live.sendFixes(fixes);
      else await this.#api.post('/v1/riders/me/locations', { fixes });
      this.#forget(fixes);
    } catch (problem) {
      // A batch that can never be taken must not block those behind it; anything else is tried again.
      if (problem.status === 422 || problem.status === 409) this.#forget(fixes);
    }
    this.#sending = false;
    if (this.#queue.length >= BATCH_MAX && over === 'socket') this.flush();
  }
  #forget(fixes) {
    const last = fixes.at(-1).seq;
    this.#queue = this.#queue.filter((fix) => fix.seq > last);
    this.#keep();
  }
  #keep() {
    if (this.#queue.length) localStorage.setItem(this.#key, JSON.stringify(this.#queue));
    else localStorage.removeItem(this.#key);
  }
}
