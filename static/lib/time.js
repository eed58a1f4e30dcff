// Instants in the reader's own zone, and the server's business clock, which in the demo may run faster than the wall.

// "08:40", but "8:40 PM" where people count to twelve.
const twelve = new Intl.DateTimeFormat(undefined, { hour: 'numeric' }).resolvedOptions().hour12;
const hour = twelve ? 'numeric' : '2-digit';
const clockFormat = new Intl.DateTimeFormat(undefined, { hour, minute: '2-digit' });
const exactFormat = new Intl.DateTimeFormat(undefined, { hour, minute: '2-digit', second: '2-digit' });
const dayFormat = new Intl.DateTimeFormat(undefined, { weekday: 'short', day: 'numeric', month: 'short', hour, minute: '2-digit' });
// An answer was on its way for a moment: only what is farther off sets the clock anew.
const NEAR_MS = 2_000;
const AHEAD_MS = 60_000;

let speed = 1;
let known = false;
let demo = false;
let anchor = { wall: Date.now(), business: Date.now() };

/** Sets the clock by what the server says: its business time now, and how many times faster than the wall it runs. */
export function setClock(businessNow, times = 1) {
  const business = Date.parse(businessNow);
  if (Number.isNaN(business)) return;
  anchor = { wall: Date.now(), business };
  speed = times > 0 ? times : 1;
  known = true;
}

/** Takes the clock from a good answer: `2026-03-01T12:00:00Z;speed=20` in the demo; elsewhere the wall's is right. */
export function hearClock(header) {
  if (!header) {
    known = true;
    return;
  }
  demo = true;
  const [at, rest = ''] = header.split(';');
  const times = Number(rest.replace('speed=', '')) || 1;
  if (!known || times !== speed || Math.abs(Date.parse(at) - now()) > NEAR_MS * times) setClock(at, times);
}

/** What the demo's clock shows where it differs from the reader's own by more than a minute; otherwise `null`. */
export function demoTime() {
  if (!demo || !known || Math.abs(now() - Date.now()) <= AHEAD_MS) return null;
  const [there, here] = [new Date(now()), new Date()];
  return there.toDateString() === here.toDateString() ? clockFormat.format(there) : dayFormat.format(there);
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

const isDay = (date, from) => date.toDateString() === new Date(from).toDateString();
// By the calendar: a day on which clocks change has 23 hours, or 25.
function isTomorrow(date) {
  const next = new Date(now());
  next.setDate(next.getDate() + 1);
  return isDay(date, next);
}

/** "18:42", "tomorrow 18:42"; with the day when it is another one. */
export function time(at) {
  if (!at) return '';
  const date = new Date(at);
  if (isDay(date, now())) return clockFormat.format(date);
  return isTomorrow(date) ? `tomorrow ${clockFormat.format(date)}` : dayFormat.format(date);
}

/** "18:40 – 18:55", "8:40 – 8:55 PM"; with the day when it is another one. */
export function span(from, to) {
  const [first, last] = [new Date(from), new Date(to)];
  if (twelve && isDay(first, now()) && isDay(last, first)) return clockFormat.formatRange(first, last).replace(/\s*–\s*/, ' – ');
  return `${time(from)} – ${isDay(last, first) ? clock(to) : time(to)}`;
}

/** "18:42", whatever the day. */
export const clock = (at) => clockFormat.format(new Date(at));
/** "18:42:07", whatever the day. */
export const clockWithSeconds = (at) => exactFormat.format(new Date(at));
/** "Today", "Tomorrow", "Wed 25 Nov". */
export function dayName(at) {
  const date = new Date(at);
  return isDay(date, now()) ? 'Today' : isTomorrow(date) ? 'Tomorrow' : date.toLocaleDateString(undefined, { weekday: 'short', day: 'numeric', month: 'short' });
}

/** Seconds of business time until `at`; negative once it has passed. */
export const secondsUntil = (at) => (Date.parse(at) - now()) / 1000;

/** "4:05", or "over" with the minus sign left to the caller. */
export function countdown(at) {
  const left = Math.max(0, Math.ceil(secondsUntil(at)));
  const minutes = Math.floor(left / 60);
  return minutes >= 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes}:${String(left % 60).padStart(2, '0')}`;
}

/** "in 12 min", "in 2 h 5 min", "now", "3 min late"; nothing for another day, and while the server's clock is not known. */
export function inMinutes(at) {
  const minutes = Math.round(secondsUntil(at) / 60);
  if (!known || (minutes > 90 && !isDay(new Date(at), now()))) return '';
  if (minutes > 90) return `in ${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  if (minutes > 0) return `in ${minutes} min`;
  return minutes === 0 ? 'now' : `${-minutes} min late`;
}
