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
  headers: async () => [
    {
      source: '/:path*',
      headers: [
        { key: 'x-content-type-options', value: 'nosniff' },
        { key: 'x-frame-options', value: 'DENY' },
        { key: 'referrer-policy', value: 'strict-origin-when-cross-origin' },
        { key: 'cross-origin-opener-policy', value: 'same-origin' },
        { key: 'cross-origin-resource-policy', value: 'same-origin' },
        { key: 'permissions-policy', value: 'camera=(), microphone=(), geolocation=()' },
      ],
    },
    // What `proxy.ts` leaves out: none of it is a document, and only workers ask more of their policy than to forbid all.
    {
      source: '/_next/static/:path*',
      headers: [
        { key: 'content-security-policy', value: "default-src 'self'; object-src 'none'; frame-ancestors 'none'" },
      ],
    },
    {
      source: '/:path(api/.*|healthz|readyz|models/suggest)',
      headers: [{ key: 'content-security-policy', value: "default-src 'none'; sandbox; frame-ancestors 'none'" }],
    },
  ],
  turbopack: { root: fileURLToPath(new URL('../..', import.meta.url)) },
}

export default config
