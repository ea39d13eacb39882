/**
 * What Nest's bundler defaults do not say: the language level of `tsconfig.json`. Below ES2022 every
 * private member would become a look-up in a `WeakMap`, on each access.
 */
export default (options) => {
  for (const rule of options.module.rules) {
    for (const { options: loader } of rule.use ?? []) loader.jsc.target = 'es2024';
  }
  return options;
};
