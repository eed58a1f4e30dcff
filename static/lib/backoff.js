// How long to wait before the next try: doubling with full jitter, unless the server named a time.

const FIRST_MS = 400;
const LONGEST_MS = 15_000;

/** Milliseconds before try number `attempt` (1, 2, 3, …). A hint of the server is a floor, spread a little so that all do not return at once. */
export function backoffMs(attempt, hintMs = 0, random = Math.random) {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt - 1, 10));
  return hintMs > 0 ? hintMs + random() * Math.min(hintMs, 2_000) : ceiling / 2 + (random() * ceiling) / 2;
}
