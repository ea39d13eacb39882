/** What a condition may be made to look at, so that no caller can make a decision slow. */
const maxStringLength = 65_536;
const maxElements = 1000;
const maxNodes = 20_000;

/** Arguments are larger than conditions may read: every condition that reads them counts as an error. */
class ArgumentsTooLarge extends Error {
  override readonly name = 'ArgumentsTooLarge';
}

/** The arguments as conditions see them. @throws ArgumentsTooLarge beyond the limits. */
export function exposedArguments(value: unknown): unknown {
  let nodes = 0;
  const check = (each: unknown): void => {
    nodes += 1;
    if (nodes > maxNodes) throw new ArgumentsTooLarge('too many values');
    if (typeof each === 'string' && each.length > maxStringLength) {
      throw new ArgumentsTooLarge('a text is too long');
    }
    if (Array.isArray(each) && each.length > maxElements)
      throw new ArgumentsTooLarge('a list is too long');
    if (typeof each !== 'object' || each === null) return;
    const members = Object.entries(each);
    if (members.length > maxElements) throw new ArgumentsTooLarge('an object has too many members');
    for (const [name, value] of members) {
      check(name);
      check(value);
    }
  };
  check(value);
  return value;
}
