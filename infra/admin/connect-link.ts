import { makeSetupProof } from '@modelport/schema/setup-link'
import { readInstallation } from './installation.ts'

/** `admin -- connect-link` prints a link that opens the page “Connect your GitHub App” for an hour, before anybody can sign in. */
export async function connectLink(): Promise<number> {
  const { siteUrl, secretKey } = readInstallation()
  if (!secretKey || !/^[0-9a-f]{64}$/i.test(secretKey)) {
    console.error('SECRET_KEY is not set here; give the one of the site: 64 hexadecimal digits.')
    return 1
  }
  console.log(`${siteUrl}/admin/connect?setup=${makeSetupProof(Buffer.from(secretKey, 'hex'))}`)
  return 0
}
