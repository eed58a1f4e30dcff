// What a refusal says of the fields of a form: each at its field, the first one in focus, the rest in one sentence.

import { h } from './dom.js';

const nameOf = (pointer) => String(pointer ?? '').split('/').at(-1);
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');

/** `{fields: {name: words}, rest: words}` of a problem; `form` says which names are fields of it. */
export function sortOut(problem, form) {
  const fields = {};
  const rest = [];
  for (const { pointer, detail } of problem.errors ?? []) {
    const field = form?.elements?.namedItem(nameOf(pointer));
    if (field instanceof Element && field.type !== 'radio') fields[nameOf(pointer)] ??= sentence(detail);
    else rest.push(sentence(detail));
  }
  return { fields, rest: Object.keys(fields).length ? rest.join(' ') : problem.sentence ?? String(problem) };
}

/** What a field needs to know of its own problem. */
export const marks = (fields, name) => (fields[name] ? { 'aria-invalid': 'true', 'aria-describedby': `${name}-problem` } : {});
/** The words at a field. */
export const words = (fields, name) => fields[name] && h('small', { class: 'problem', role: 'alert', id: `${name}-problem`, key: `${name}-problem` }, fields[name]);
/** Puts the focus where the first problem is. */
export const focusFirst = (form, fields) => [...(form?.elements ?? [])].find((field) => fields[field.name])?.focus();
