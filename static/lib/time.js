// Instants in the reader's own zone, and the server's business clock, which in the demo may run faster than the wall.

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const dayFormat = new Intl.DateTimeFormat(undefined, { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

let speed = 1;
let anchor = { wall: Date.now(), business: Date.now() };

/** Sets the clock by what the server says: its business time now, and how many times faster than the wall it runs. */
export function setClock(businessNow, times = 1) {
  const business = Date.parse(businessNow);
  if (Number.isNaN(business)) return;
  anchor = { wall: Date.now(), business };
  speed = times > 0 ? times : 1;
}

/** How many times faster than the wall business time runs. */
export const clockSpeed = () => speed;

/** Business time now, in milliseconds since 1970. */
export function now() {
  return anchor.business + (Date.now() - anchor.wall) * speed;
}

/** A fact cannot lie in the future: if this one does, our clock is behind and is set forward. */
export function noteFact(at) {
  const business = Date.parse(at);
  if (business > now()) anchor = { wall: Date.now(), business };
}

/** "18:42"; with the day when it is not today. */
export function time(at) {
  if (!at) return '';
  const date = new Date(at);
  return date.toDateString() === new Date(now()).toDateString() ? clockFormat.format(date) : dayFormat.format(date);
}

/** Seconds of business time until `at`; negative once it has passed. */
export const secondsUntil = (at) => (Date.parse(at) - now()) / 1000;

/** "4:05", or "over" with the minus sign left to the caller. */
export function countdown(at) {
  const left = Math.max(0, Math.ceil(secondsUntil(at)));
  const minutes = Math.floor(left / 60);
  return minutes >= 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes}:${String(left % 60).padStart(2, '0')}`;
}

/** "in 12 min", "now", "3 min late". */
export function inMinutes(at) {
  const minutes = Math.round(secondsUntil(at) / 60);
  if (minutes > 0) return `in ${minutes} min`;
  return minutes === 0 ? 'now' : `${-minutes} min late`;
}
