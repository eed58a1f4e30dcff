// Money as the server counts it (whole minor units) in the reader's own notation.

const formats = new Map();

function format(currency) {
  if (!formats.has(currency)) formats.set(currency, new Intl.NumberFormat(undefined, { style: 'currency', currency, currencyDisplay: 'narrowSymbol' }));
  return formats.get(currency);
}

/** `{amount: 1250, currency: "EUR"}` is "€12.50". */
export function money(value) {
  if (!value) return '';
  const of = format(value.currency);
  return of.format(value.amount / 10 ** of.resolvedOptions().maximumFractionDigits);
}

/** The same amount taken `count` times. */
export const times = (value, count) => ({ amount: value.amount * count, currency: value.currency });

/** The sum of amounts of one currency. */
export const sum = (values, currency) => ({ amount: values.reduce((total, value) => total + value.amount, 0), currency });
