/** Key endings under which any single word is a secret. */
const strong = [
  'password',
  'passwd',
  'pwd',
  'passphrase',
  'passcode',
  'secret',
  'secrets',
  'client secret',
  'secret key',
  'secret value',
  'secret string',
  'secret access key',
  'private key',
  'signing key',
  'encryption key',
  'master key',
  'connection string',
  'shared key',
  'account key',
  'app secret',
  'webhook secret',
  'pass',
  'pin',
];

/** Key endings under which a value must also look random. */
const weak = [
  'token',
  'tokens',
  'access token',
  'refresh token',
  'id token',
  'auth token',
  'bearer',
  'api key',
  'apikey',
  'access key',
  'auth key',
  'subscription key',
  'authorization',
  'credential',
  'credentials',
  'cookie',
  'session id',
  'sessionid',
  'auth',
  'set cookie',
];

/** Tokens that page through results are no secrets, and hiding them would stop the paging. */
const harmless =
  /[ ](?:next|page|paging|continuation|sync|cursor|sort|delta|progress|count|max|min|limit|type|num)[ ]/;

const endings = (words: readonly string[]): RegExp => new RegExp(` (?:${words.join('|')}) $`);
const strongEnding = endings(strong);
const weakEnding = endings(weak);

/** True for the words of a key that names a secret. */
export function isSecretKey(keyWords: string): boolean {
  return isStrongSecretKey(keyWords) || (weakEnding.test(keyWords) && !harmless.test(keyWords));
}

/** True for the words of a key whose value is a secret whatever it looks like. */
export function isStrongSecretKey(keyWords: string): boolean {
  return strongEnding.test(keyWords) && !harmless.test(keyWords);
}
