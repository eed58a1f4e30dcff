// Days as the pages name them, on the days whose clocks change and around midnight; no browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';

process.env.TZ = 'Europe/Berlin';
const { dayName, inMinutes, setClock, span, time } = await import('../../static/lib/time.js');
const words = (at) => time(at).replace(/\s/g, ' ');

test('tomorrow is the next day of the calendar, also where it is 23 or 25 hours away', () => {
  for (const [now, tomorrow, later] of [
    ['2026-10-24T22:30:00Z', '2026-10-26T08:00:00Z', '2026-10-27T08:00:00Z'],
    ['2026-03-28T22:30:00Z', '2026-03-29T10:00:00Z', '2026-03-30T10:00:00Z'],
    ['2026-12-31T22:58:00Z', '2026-12-31T23:03:00Z', '2027-01-01T23:03:00Z'],
    ['2028-02-28T22:58:00Z', '2028-02-29T22:59:00Z', '2028-03-01T22:59:00Z'],
  ]) {
    setClock(now);
    assert.match(words(tomorrow), /^tomorrow /, `${tomorrow} at ${now}`);
    assert.equal(dayName(tomorrow), 'Tomorrow');
    assert.doesNotMatch(words(later), /tomorrow/);
    assert.doesNotMatch(words(now), /tomorrow|[A-Z][a-z]{2}/, 'today has no name');
  }
});

test('minutes run over midnight and over the hour that comes twice', () => {
  setClock('2026-11-23T22:58:00Z');
  assert.equal(inMinutes('2026-11-23T23:03:00Z'), 'in 5 min');
  assert.match(span('2026-11-23T22:59:00Z', '2026-11-23T23:14:00Z').replace(/\s/g, ' '), / – tomorrow /);
  setClock('2026-10-25T00:50:00Z');
  assert.equal(inMinutes('2026-10-25T01:20:00Z'), 'in 30 min');
});
