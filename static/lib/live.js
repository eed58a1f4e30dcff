// The live socket: one connection for all topics of a page, resumed after the last number seen of each, so that no
// fact is missed and none is told twice. When no socket gets through, orders come over server-sent events instead.

import { backoffMs } from './backoff.js';
import { streamOrder } from './sse.js';
import { noteFact, setClock } from './time.js';

const FALLBACK_AFTER_TRIES = 3;

// A server that goes away says in the close frame when to come back.
function hintOf(reason) {
  try {
    return Number(JSON.parse(reason).retry_after_ms) || 0;
  } catch {
    return 0;
  }
}

/** Health for the page: `live`, `connecting`, `waiting` (with `retryAt`), `streaming` (SSE), `offline`, `off`. */
export class Live {
  #api; #socket = null; #topics = new Map(); #attempt = 0; #timer = 0; #next = 1; #hintMs = 0; #stopped = true; #fixes = new Map();

  constructor(api, onHealth = () => undefined) {
    this.#api = api;
    this.onHealth = onHealth;
    this.state = 'off';
    addEventListener('online', () => this.#stopped || this.#open());
    addEventListener('offline', () => this.#stopped || this.#say('offline'));
  }

  /** Watches a topic: `{after, onFact, onSnapshot, onPosition, onError}`. Returns a function that stops watching. */
  watch(topic, handlers) {
    const entry = { topic, last: handlers.after, handlers, stream: null, asked: 0 };
    this.#topics.set(topic, entry);
    if (this.state === 'live') this.#subscribe(entry);
    return () => {
      entry.stream?.abort();
      this.#topics.delete(topic);
      this.#send({ type: 'unsubscribe', id: this.#id(), topic });
    };
  }
  start() {
    this.#stopped = false;
    this.#open();
  }
  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const entry of this.#topics.values()) entry.stream?.abort();
    this.#topics.clear();
    this.#socket?.close(1000);
    this.#say('off');
  }
  /** Sends positions; resolves with the server's answer, rejects when the connection ends before. */
  sendFixes(fixes) {
    return new Promise((resolve, reject) => {
      const id = this.#id();
      if (this.state !== 'live' || !this.#send({ type: 'fixes', id, fixes })) return reject(new Error('not connected'));
      this.#fixes.set(id, { resolve, reject });
    });
  }

  #id = () => this.#next++;
  #say(state, detail = {}) {
    this.state = state;
    const streaming = (state === 'waiting' || state === 'connecting') && [...this.#topics.values()].some((entry) => entry.stream?.open);
    this.onHealth(streaming ? 'streaming' : state, detail);
  }
  #send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  async #open() {
    clearTimeout(this.#timer);
    if (this.#socket || this.#stopped) return;
    this.#say('connecting');
    let socket;
    try {
      const { ticket } = await this.#api.post('/v1/live/ticket');
      if (this.#socket || this.#stopped) return;
      socket = this.#socket = new WebSocket(new URL('/v1/live', location.href).href.replace(/^http/, 'ws'), 'foodcourt.v1');
      socket.onopen = () => socket.send(JSON.stringify({ type: 'hello', ticket }));
    } catch (problem) {
      if (problem.status === 401) return this.#say('off');
      this.#hintMs = (problem.retryAfterS ?? 0) * 1000;
      return this.#later();
    }
    socket.onmessage = (message) => this.#take(JSON.parse(message.data));
    socket.onclose = (event) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      for (const { reject } of this.#fixes.values()) reject(new Error('connection ended'));
      this.#fixes.clear();
      this.#hintMs = hintOf(event.reason);
      this.#later();
    };
  }
  #later() {
    if (this.#stopped) return;
    this.#attempt += 1;
    const wait = backoffMs(this.#attempt, this.#hintMs);
    this.#hintMs = 0;
    this.#say(navigator.onLine ? 'waiting' : 'offline', { retryAt: Date.now() + wait });
    if (this.#attempt >= FALLBACK_AFTER_TRIES) this.#stream();
    this.#timer = setTimeout(() => this.#open(), wait);
  }

  #take(frame) {
    const entry = this.#topics.get(frame.topic) ?? [...this.#topics.values()].find((one) => frame.type === 'error' && frame.id === one.asked);
    switch (frame.type) {
      case 'welcome':
        this.#attempt = 0;
        setClock(frame.server_time, frame.business_speed);
        this.#say('live');
        for (const known of this.#topics.values()) this.#subscribe(known);
        return;
      case 'clock':
        return setClock(frame.server_time, frame.business_speed);
      case 'unsubscribed':
        // Asked for by us, or taken from us: then it says why.
        return frame.problem && entry?.handlers.onError?.(frame.problem);
      case 'snapshot':
        if (!entry) return;
        entry.last = frame.seq;
        return entry.handlers.onSnapshot?.(frame.data, frame.seq);
      case 'position':
        return entry?.handlers.onPosition?.(frame.data, frame.fix_seq);
      case 'fixes_taken':
        this.#fixes.get(frame.id)?.resolve(frame);
        return this.#fixes.delete(frame.id);
      case 'error':
        this.#fixes.get(frame.id)?.reject(new Error(frame.problem?.detail ?? 'refused'));
        this.#fixes.delete(frame.id);
        if (entry && frame.problem?.type === '/problems/cursor-ahead') {
          // The topic is younger than what we know of it (a restored database): begin anew.
          entry.last = undefined;
          return this.#subscribe(entry);
        }
        return entry?.handlers.onError?.(frame.problem);
      default:
        if (entry && Number.isInteger(frame.seq)) this.#fact(entry, frame);
    }
  }
  #fact(entry, frame) {
    if (entry.last !== undefined && frame.seq <= entry.last) return;
    if (entry.last !== undefined && frame.seq > entry.last + 1) return this.#subscribe(entry);
    entry.last = frame.seq;
    if (frame.at) noteFact(frame.at);
    entry.handlers.onFact?.(frame);
  }
  #subscribe(entry) {
    entry.stream?.abort();
    entry.stream = null;
    entry.asked = this.#id();
    this.#send({ type: 'subscribe', id: entry.asked, topic: entry.topic, ...(entry.last === undefined ? {} : { after: entry.last }) });
  }

  #stream() {
    for (const entry of this.#topics.values()) {
      if (entry.stream || !entry.topic.startsWith('order:')) continue;
      const abort = (entry.stream = new AbortController());
      const onOpen = () => {
        abort.open = true;
        this.#say(this.state);
      };
      streamOrder(this.#api, entry.topic.slice(6), entry.last, { onOpen, onFrame: (frame) => this.#take(frame) }, abort.signal).catch(() => undefined).finally(() => {
        abort.open = false;
        if (entry.stream === abort) entry.stream = null;
      });
    }
  }
}
