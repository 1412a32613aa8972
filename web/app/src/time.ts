import {once} from './once.ts';

// Dates are written as the browser's locale writes them, in the browser's zone.
const clock = once(() => new Intl.DateTimeFormat(undefined, {hour: 'numeric', minute: '2-digit'}));
const weekday = once(() => new Intl.DateTimeFormat(undefined, {weekday: 'short'}));
const day = once(() => new Intl.DateTimeFormat(undefined, {day: 'numeric', month: 'short'}));
const dayOfYear = once(() => new Intl.DateTimeFormat(undefined, {day: 'numeric', month: 'short', year: 'numeric'}));
const longDay = once(() => new Intl.DateTimeFormat(undefined, {weekday: 'long', day: 'numeric', month: 'long'}));
const longDayOfYear = once(() => new Intl.DateTimeFormat(undefined, {weekday: 'long', day: 'numeric', month: 'long', year: 'numeric'}));
const full = once(() => new Intl.DateTimeFormat(undefined, {dateStyle: 'full', timeStyle: 'short'}));
const relative = once(() => new Intl.RelativeTimeFormat(undefined, {numeric: 'auto'}));

const date = (time: string | number) => new Date(time);

/** How many days lie between two moments, by the calendar. */
function daysAgo(time: string, now: number): number {
  const start = (moment: Date) => Date.UTC(moment.getFullYear(), moment.getMonth(), moment.getDate());
  return Math.round((start(date(now)) - start(date(time))) / 86_400_000);
}

/** 14:05 */
export const timeOfDay = (time: string) => clock().format(date(time));

/** Everything about a moment, for a tool tip. */
export const fullTime = (time: string) => full().format(date(time));

/** The day that a moment belongs to, as a key. */
export const dayKey = (time: string) => date(time).toDateString();

/** Short, for a list: the time today, the weekday this week, else the date. */
export function shortTime(time: string, now: number): string {
  const days = daysAgo(time, now);
  if (days <= 0) return clock().format(date(time));
  if (days === 1) return capital(relative().format(-1, 'day'));
  if (days < 7) return weekday().format(date(time));
  return (date(time).getFullYear() === date(now).getFullYear() ? day : dayOfYear)().format(date(time));
}

/** Long, above the messages of a day. */
export function dayTitle(time: string, now: number): string {
  const days = daysAgo(time, now);
  if (days === 0 || days === 1) return capital(relative().format(-days, 'day'));
  return (date(time).getFullYear() === date(now).getFullYear() ? longDay : longDayOfYear)().format(date(time));
}

function capital(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}
