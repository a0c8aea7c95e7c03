/** The address without what may be a password or a token: for http(s) all before the `@`, else what follows a colon. */
export function withoutSecret(url: string): string {
  return url.replace(/^(https?:\/\/)[^/@]*@/i, '$1').replace(/^([a-z][a-z0-9+.-]*:\/\/[^/@:]*):[^/@]*@/i, '$1@');
}
