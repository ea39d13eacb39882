const loopbackNames = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** https, or http that never leaves this machine. */
export function isTrustworthy({ hostname, protocol }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && loopbackNames.test(hostname));
}

/** The origin under which browsers reach the page. */
export class PageAddress {
  /** `https://gateway.example`. */
  readonly origin: string;
  /** What a request's Host must be: name, and port where it is not the usual one. */
  readonly host: string;

  /**
   * @throws TypeError for http elsewhere than on this machine: browsers take `__Host-` cookies from no such
   * place, and the sign-in would travel in clear.
   */
  constructor(publicUrl: string) {
    const url = new URL(publicUrl);
    if (!isTrustworthy(url)) {
      throw new TypeError('publicUrl: the approval page needs https, or http on localhost');
    }
    this.origin = url.origin;
    this.host = url.host;
  }

  /** An absolute address of the page. */
  url(path: string): URL {
    return new URL(path, this.origin);
  }
}
