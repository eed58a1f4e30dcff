// "For when?": quarters of an hour at which every kitchen of the basket is open, in the court's own days.

const STEP_MS = 15 * 60_000;
const DAYS = 7;
// Sooner than this it is as soon as possible.
const AHEAD_MS = 45 * 60_000;

const zones = new Map();
function zone(timeZone) {
  if (!zones.has(timeZone)) zones.set(timeZone, new Intl.DateTimeFormat('en-GB', { timeZone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }));
  return zones.get(timeZone);
}
const weekdays = { Mon: 1, Tue: 2, Wed: 3, Thu: 4, Fri: 5, Sat: 6, Sun: 7 };

// Weekday (Monday is 1) and minutes since midnight, where the kitchen stands.
function local(at, timeZone) {
  const part = Object.fromEntries(zone(timeZone).formatToParts(at).map(({ type, value }) => [type, value]));
  return { weekday: weekdays[part.weekday], minute: Number(part.hour) * 60 + Number(part.minute) };
}

/** Whether a kitchen with these hours takes orders for that instant. A span may run past midnight. */
export function isOpen({ time_zone: timeZone, spans }, at) {
  const { weekday, minute } = local(at, timeZone);
  const within = (day, min) => (spans[day] ?? []).some((span) => span.from_min <= min && min < span.to_min);
  return within(weekday, minute) || within(weekday === 1 ? 7 : weekday - 1, minute + 1_440);
}

let kept = { key: '', days: [] };

/** Instants (ISO) that may be wanted from `now` (milliseconds) on, by the reader's day: `[[day, [instant, …]], …]`. */
export function choices(kitchens, now) {
  const key = JSON.stringify([Math.floor(now / STEP_MS), ...kitchens.map((kitchen) => kitchen.hours)]);
  if (kept.key === key) return kept.days;
  const days = new Map();
  const first = Math.ceil((now + AHEAD_MS) / STEP_MS) * STEP_MS;
  for (let at = first; at < now + DAYS * 86_400_000; at += STEP_MS) {
    if (!kitchens.every((kitchen) => kitchen.hours && isOpen(kitchen.hours, at))) continue;
    const day = new Date(at).toDateString();
    days.set(day, [...(days.get(day) ?? []), new Date(at).toISOString()]);
  }
  kept = { key, days: [...days.entries()] };
  return kept.days;
}
