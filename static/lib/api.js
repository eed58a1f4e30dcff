// Calls to the server, and its problems as sentences a person can use.

import { hearClock } from './time.js';

const sentences = {
  '/problems/unauthenticated': 'Please sign in again.',
  '/problems/not-found': 'This is not here, or it is not yours.',
  '/problems/offer-taken': 'Another rider was first.',
  '/problems/offer-expired': 'This offer is over.',
  '/problems/quote-expired': 'The price is older than ten minutes and was worked out again. Please look at it once more.',
  '/problems/request-running': 'Your request is still being worked on.',
  '/problems/too-many-requests': 'That was a little fast. Please wait a moment.',
  '/problems/unavailable': 'The server cannot take this right now. Nothing was done.',
  '/problems/unreachable': 'The server cannot be reached. Nothing is lost; we keep trying.',
};

/** Why the server did not do it (RFC 9457). */
export class Problem extends Error {
  constructor(body, retryAfterS) {
    super(body.detail ?? body.title ?? 'something went wrong');
    this.name = 'Problem';
    this.status = body.status ?? 0;
    this.type = body.type ?? 'about:blank';
    this.errors = body.errors ?? [];
    this.body = body;
    this.retryAfterS = retryAfterS;
  }
  /** One sentence for the person at the page. */
  get sentence() {
    const fields = this.errors.map((error) => error.detail ?? error.message ?? error.reason).filter(Boolean);
    const text = sentences[this.type] ?? (fields.length ? fields.join(' · ') : this.message);
    return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
  }
  /** Whether the same call may succeed later. */
  get retryable() {
    return this.status === 0 || this.status === 429 || this.status === 503 || this.type === '/problems/request-running';
  }
}

/** One call without anybody signed in. Throws a `Problem`. */
export async function fetchJson(method, path, { body, key, token, headers = {}, signal, picture: wanted = false } = {}) {
  const sent = { accept: wanted ? 'image/*, application/problem+json' : 'application/json', ...headers };
  const picture = body instanceof Blob;
  if (body !== undefined) sent['content-type'] = picture ? body.type : 'application/json';
  if (key) sent['idempotency-key'] = key;
  if (token) sent.authorization = `Bearer ${token}`;
  let answer;
  try {
    answer = await fetch(path, { method, headers: sent, body: body === undefined || picture ? body : JSON.stringify(body), signal, cache: 'no-store' });
  } catch (cause) {
    if (cause.name === 'AbortError') throw cause;
    throw new Problem({ status: 0, type: '/problems/unreachable', detail: 'the server cannot be reached' });
  }
  if (answer.ok) hearClock(answer.headers.get('foodcourt-clock'));
  if (answer.ok && wanted) return answer.blob();
  const text = await answer.text();
  let json = null;
  try {
    json = text ? JSON.parse(text) : null;
  } catch {
    // A proxy's own error page: the status says enough.
  }
  if (answer.ok) return json;
  throw new Problem({ status: answer.status, ...json }, Number(answer.headers.get('retry-after')) || undefined);
}

/** Calls as the person of a session: refreshes the token when needed, and once more when the server says 401. */
export class Api {
  constructor(session) {
    this.session = session;
  }
  get = (path, options) => this.call('GET', path, options);
  post = (path, body, options) => this.call('POST', path, { body, ...options });
  put = (path, body, options) => this.call('PUT', path, { body, ...options });
  delete = (path, options) => this.call('DELETE', path, options);

  async call(method, path, options = {}) {
    if (!this.session.signedIn) return fetchJson(method, path, options);
    try {
      return await fetchJson(method, path, { ...options, token: await this.session.token() });
    } catch (problem) {
      if (problem.status !== 401 || !this.session.signedIn) throw problem;
      return fetchJson(method, path, { ...options, token: await this.session.token(true) });
    }
  }

  /** A picture as an address for an `img`: the token cannot go with an `img`, and the pages' policy knows `data:`, not `blob:`. */
  async picture(path) {
    const bytes = await this.get(path, { picture: true });
    return new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.onerror = () => reject(reader.error);
      reader.readAsDataURL(bytes);
    });
  }

  /** A call with a key of its own, repeated with the same key while the server says "later". */
  async patiently(method, path, body, { key = crypto.randomUUID(), tries = 6 } = {}) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.call(method, path, { body, key });
      } catch (problem) {
        if (!problem.retryable || attempt >= tries) throw problem;
        const waitS = problem.retryAfterS ?? Math.min(8, 0.4 * 2 ** attempt);
        await new Promise((resume) => setTimeout(resume, waitS * 1000 * (0.75 + Math.random() / 2)));
      }
    }
  }
}
