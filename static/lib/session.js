// Who is signed in on this page. Each kind of page keeps its own people, and each tab its own person, so that a
// customer, two kitchens and a rider can stand side by side in one browser.

import { fetchJson, Problem } from './api.js';

/** A signed-in person of one kind of page: `customer`, `kitchen`, `rider` or `city`. */
export class Session {
  #place;
  #saved = null;

  constructor(place) {
    this.#place = place;
    const id = sessionStorage.getItem(`foodcourt.${place}`) ?? localStorage.getItem(`foodcourt.${place}.last`);
    if (id) this.#saved = this.#load(id);
  }

  /** Whether somebody is signed in (their tokens may still turn out to be spent). */
  get signedIn() {
    return this.#saved !== null;
  }
  get userId() {
    return this.#saved?.user_id ?? null;
  }

  /** Signs in. Throws a `Problem` when e-mail or password is wrong. */
  async signIn(email, password) {
    this.#keep(await fetchJson('POST', '/v1/auth/token', { body: { email, password } }));
  }

  /** Makes an account and signs in. */
  async register(email, password, displayName) {
    await fetchJson('POST', '/v1/auth/register', { body: { email, password, display_name: displayName }, key: crypto.randomUUID() });
    await this.signIn(email, password);
  }

  /** Forgets the person here and ends the session on the server. */
  async signOut() {
    const saved = this.#saved;
    this.#forget();
    if (saved) await fetchJson('POST', '/v1/auth/logout', { body: { refresh_token: saved.refresh_token } }).catch(() => undefined);
  }

  /** An access token that holds for at least the next seconds; refreshed when it would not, or when `force`. */
  async token(force = false) {
    if (!this.#saved) throw new Problem({ status: 401, type: '/problems/unauthenticated', detail: 'nobody is signed in' });
    const spent = this.#saved.access_token;
    if (!force && Date.now() < this.#saved.until) return spent;
    // A refresh token works once: tabs of one person take turns, and a later one finds what the earlier one got.
    return navigator.locks.request(`foodcourt.${this.#saved.user_id}`, async () => {
      const newest = this.#load(this.#saved.user_id) ?? this.#saved;
      if (newest.access_token !== spent && Date.now() < newest.until) {
        this.#saved = newest;
        return newest.access_token;
      }
      try {
        this.#keep(await fetchJson('POST', '/v1/auth/refresh', { body: { refresh_token: newest.refresh_token } }));
      } catch (problem) {
        if (problem.status === 401 || problem.status === 422) this.#forget();
        throw problem;
      }
      return this.#saved.access_token;
    });
  }

  #load(id) {
    try {
      return JSON.parse(localStorage.getItem(`foodcourt.${this.#place}.${id}`));
    } catch {
      return null;
    }
  }
  #keep(answer) {
    // Twenty seconds early, so that a token does not run out on its way.
    this.#saved = { ...answer, until: Date.now() + (answer.expires_in - 20) * 1000 };
    localStorage.setItem(`foodcourt.${this.#place}.${answer.user_id}`, JSON.stringify(this.#saved));
    localStorage.setItem(`foodcourt.${this.#place}.last`, answer.user_id);
    sessionStorage.setItem(`foodcourt.${this.#place}`, answer.user_id);
  }
  #forget() {
    if (this.#saved) localStorage.removeItem(`foodcourt.${this.#place}.${this.#saved.user_id}`);
    localStorage.removeItem(`foodcourt.${this.#place}.last`);
    sessionStorage.removeItem(`foodcourt.${this.#place}`);
    this.#saved = null;
  }
}
