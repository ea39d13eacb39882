/** The tenants whose people may sign in. */
export class SignInTenants {
  constructor(readonly all: readonly string[]) {}
}
