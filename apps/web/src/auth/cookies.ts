import type { Config } from '#src/config.ts'

// A `__Host-` cookie is accepted only over https; the local stack speaks http.
export const sessionCookie = (config: Config) => (config.secureCookies ? '__Host-modelport' : 'modelport')
export const signInCookie = (config: Config) => (config.secureCookies ? '__Host-modelport-login' : 'modelport-login')

export function cookie(config: Config, name: string, value: string, maxAgeSeconds: number): string {
  return [
    `${name}=${value}`,
    'Path=/',
    `Max-Age=${maxAgeSeconds}`,
    'HttpOnly',
    'SameSite=Lax',
    ...(config.secureCookies ? ['Secure'] : []),
  ].join('; ')
}
