import { fileURLToPath } from 'node:url'
import type { NextConfig } from 'next'

const config: NextConfig = {
  // The workspace packages export their TypeScript sources.
  transpilePackages: ['@modelport/schema', '@modelport/db', '@modelport/storage'],
  serverExternalPackages: ['postgres', 'sharp', '@aws-sdk/client-s3', '@aws-sdk/s3-request-presigner'],
  poweredByHeader: false,
  allowedDevOrigins: ['127.0.0.1', 'localhost'],
  // `npm run types` checks them, with the compiler of this repository.
  typescript: { ignoreBuildErrors: true },
  experimental: { authInterrupts: true },
  turbopack: { root: fileURLToPath(new URL('../..', import.meta.url)) },
}

export default config
