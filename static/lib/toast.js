// Short messages at the edge of the page, spoken by screen readers, gone by themselves or on a tap.

import { h, icon } from './dom.js';

const STAY_MS = 7_000;

/** Shows one sentence. `kind` is `note`, `good` or `bad`. */
export function toast(text, kind = 'note') {
  let shelf = document.querySelector('.toasts');
  if (!shelf) {
    shelf = h('div', { class: 'toasts', role: 'status', 'aria-live': 'polite' });
    document.body.append(shelf);
  }
  const card = h('button', { class: `toast toast-${kind}`, type: 'button', onclick: () => card.remove() }, icon(kind === 'bad' ? 'alert' : kind === 'good' ? 'check' : 'bell'), h('span', {}, text));
  shelf.append(card);
  while (shelf.children.length > 4) shelf.firstChild.remove();
  setTimeout(() => card.remove(), STAY_MS);
}

/** Shows why something did not work. */
export function toastProblem(problem) {
  toast(problem.sentence ?? problem.message ?? 'Something went wrong.', 'bad');
  if (!problem.sentence) console.warn(problem);
}
