// A sign for each kitchen: a glyph read from its words, and one of six stall colours by its place in the court.

const signs = [
  [/noodle|ramen|pho|wok|chinese|thai|asian|dumpling|dim sum|korean|bap/i, 'noodles'], [/pizz|forno|pasta|ital/i, 'pizza'],
  [/salad|vegan|green|grain|bowl|leaf|garden|poke/i, 'leaf'], [/taco|burrito|mexic|taquer|arepa/i, 'taco'],
  [/burger|grill|smash|bbq|sandwich|fries/i, 'burger'], [/sushi|fish|sea|oyster/i, 'fish'],
  [/ice|gelat|sweet|dessert|cake|bak|waffle/i, 'ice'], [/coffee|tea|drink|bar|juice|caf/i, 'cup'],
  [/curry|india|stew|soup|tandoor|masala|kebab|mezze|falafel/i, 'pot'],
];

/** The glyph for a kitchen's cuisine and name. */
export const glyph = (kitchen) => signs.find(([words]) => words.test(`${kitchen.cuisine ?? ''} ${kitchen.name ?? ''}`))?.[1] ?? 'plate';

/** `data-stall` of the kitchen at `index` of its court: 0 to 5. */
export const stall = (index) => String(((index % 6) + 6) % 6);
