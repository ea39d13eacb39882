const placeholderWords = new Set(
  (
    'string password passwd secret token none null nil undefined true false required optional redacted masked hidden ' +
    'changeme change_me changeit example placeholder default empty unset todo tbd text value number boolean object ' +
    'array bearer basic header query cookie apikey invalid expired missing unknown removed withheld'
  ).split(' '),
);

/** Reserved for values that stand for a secret without being one: `${X}`, `changeme`, `xxxx`, a mask, a label. */
export function isPlaceholder(value: string): boolean {
  const bare = value.replaceAll(/^["']|["']$/g, '');
  if (bare.length < 4 || placeholderWords.has(bare.toLowerCase())) return true;
  if (/^(?:\$\{|\$\(|\$[A-Z_]+$|\{\{|<|%[A-Z_]+%$|\[[A-Z0-9_]+(?::[0-9a-f]{24})?\]$)/.test(bare))
    return true;
  if (/^(?:your|my|enter|insert|replace|change|example|dummy|sample|put)[-_ ]/i.test(bare))
    return true;
  return /^(.)\1*$/.test(bare) || isPartlyMasked(bare);
}

/** What a partial operator left over is not hidden once more. */
function isPartlyMasked(value: string): boolean {
  const hidden = value.replaceAll(/[^•*]/g, '').length;
  return hidden >= 3 && hidden * 2 >= value.length;
}

/** Bits of information per character, by how often each occurs. */
function entropyPerChar(value: string): number {
  const counts = new Map<string, number>();
  for (const char of value) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) {
    const share = count / value.length;
    bits -= share * Math.log2(share);
  }
  return bits;
}

/** True for what a generator or a careful person chose; false for words, names and pieces of programs. */
export function looksRandom(value: string): boolean {
  if (value.length < 6 || isCode(value)) return false;
  const bits = entropyPerChar(value);
  if (/^[A-Za-z_-]+$/.test(value)) {
    return value.length >= 20 && bits >= 3.8 && /[a-z][A-Z]/.test(value);
  }
  if (/^\d+$/.test(value)) return value.length >= 12 && bits >= 2.5;
  return isMixed(value) && bits >= 2.2;
}

function isMixed(value: string): boolean {
  if (!/[A-Za-z0-9]/.test(value)) return false;
  return (/\d/.test(value) && /[A-Za-z]/.test(value)) || /[!@#$%^&*?+~]/.test(value);
}

function isCode(value: string): boolean {
  if (/[()[\]{};|]|::|\.\.|=>|&&|\/\//.test(value) && !/^[^()[\]{};]{16,}$/.test(value))
    return true;
  if (/^[A-Za-z_$][\w$]*(?:\??\.[A-Za-z_$][\w$]*)+$/.test(value))
    return value.length < 24 || !/\d[A-Za-z]\d|\d{3}/.test(value);
  return /^(?:[~^]?\d{1,5}\.\d{1,5}\.\d|\.{0,2}\/|[a-z]{2,10}:\/\/|[@#]\w+\/)/.test(value);
}
