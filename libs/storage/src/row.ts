/** All fields of a union's members as one row; a field that some member lacks may be null. */
export type RowOf<U> = {
  [K in U extends unknown ? keyof U : never]: U extends unknown
    ? K extends keyof U
      ? U[K]
      : null
    : never;
};
