// Builds elements and draws a tree over the one that stands: what is equal stays, so focus, scroll and text in a
// field survive a redraw. Text is only ever set as text, styles only through CSSOM, so the strictest CSP holds.

const SVG = 'http://www.w3.org/2000/svg';

/** An element: `h('button', {class: 'main', onclick: place}, 'Place order')`. `key` tells siblings apart, `vars` sets custom properties. */
export function h(tag, props = {}, ...children) {
  const node = tag === 'svg' || tag === 'use' ? document.createElementNS(SVG, tag) : document.createElement(tag);
  node.wired = {};
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) node[name] = node.wired[name] = value;
    else if (name === 'key') node.key = String(value);
    else if (name === 'vars') for (const [custom, text] of Object.entries(value)) node.style.setProperty(custom, text);
    else if (name === 'value') node.value = node.wired.value = value;
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  // A select takes its value only once its options are there.
  if (tag === 'select' && 'value' in props) node.value = props.value;
  return node;
}

/** A picture from the sprite, hidden from screen readers: the words beside it say the same. */
export function icon(name, extra = '') {
  return h('svg', { class: `icon ${extra}`.trim(), 'aria-hidden': 'true' }, h('use', { href: `/icons.svg#${name}` }));
}

/** Makes `root` show exactly `children`. */
export function draw(root, ...children) {
  const shell = document.createElement('div');
  shell.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  morphChildren(root, shell);
}

function same(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName && a.key === b.key;
}

function morphChildren(from, to) {
  const keyed = new Map();
  for (const child of from.childNodes) if (child.key) keyed.set(child.key, child);
  let at = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const known = wanted.key ? keyed.get(wanted.key) : undefined;
    if (known && known !== at) from.insertBefore(known, at);
    else if (known) at = at.nextSibling;
    if (known && same(known, wanted)) {
      morph(known, wanted);
    } else if (at && !at.key && same(at, wanted)) {
      const next = at.nextSibling;
      morph(at, wanted);
      at = next;
    } else {
      from.insertBefore(wanted, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function morph(from, to) {
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
    return;
  }
  // `data-own` marks a place that something else draws into and keeps (a map).
  if (from.hasAttribute('data-own')) return;
  for (const { name } of [...from.attributes]) if (name !== 'style' && !to.hasAttribute(name)) from.removeAttribute(name);
  for (const { name, value } of to.attributes) {
    if (name !== 'style' && from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  if (to.style && from.style.cssText !== to.style.cssText) from.style.cssText = to.style.cssText;
  const wired = to.wired ?? {};
  for (const name of Object.keys(from.wired ?? {})) if (!(name in wired) && name !== 'value') from[name] = null;
  for (const [name, value] of Object.entries(wired)) if (name !== 'value') from[name] = value;
  if (from.nodeName === 'INPUT' && to.hasAttribute('type') && ['radio', 'checkbox'].includes(from.type)) from.checked = to.hasAttribute('checked');
  morphChildren(from, to);
  if ('value' in wired && from !== document.activeElement && from.value !== String(wired.value)) from.value = wired.value;
  from.wired = wired;
}

/** What stands where something will be in a moment. */
export const loading = () => h('p', { class: 'loading', role: 'status', key: 'loading' }, 'Loading…');

/** Shorthand for an element that is in the page's own HTML. */
export const byId = (id) => document.getElementById(id);
