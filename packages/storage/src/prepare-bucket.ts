import { CreateBucketCommand, HeadBucketCommand, PutBucketCorsCommand } from '@aws-sdk/client-s3'
import type { StorageConfig, StorageSecrets } from './config.ts'
import { makeClient } from './s3-storage.ts'

/** Makes the bucket if it is missing, and lets pages of these sites send parts to it and read their ETags. */
export async function prepareBucket(config: StorageConfig, secrets: StorageSecrets, origins: string[]): Promise<void> {
  const client = makeClient(config.endpoint, config.region, secrets)
  const Bucket = config.bucket
  try {
    const there = await client.send(new HeadBucketCommand({ Bucket })).then(
      () => true,
      (error) => {
        if (error?.$metadata?.httpStatusCode === 404) return false
        throw error
      },
    )
    if (!there) await client.send(new CreateBucketCommand({ Bucket }))
    const rule = {
      AllowedOrigins: origins,
      AllowedMethods: ['GET', 'HEAD', 'PUT'],
      AllowedHeaders: ['*'],
      // A browser completes an upload with what this header said of each part.
      ExposeHeaders: ['ETag'],
      MaxAgeSeconds: 3600,
    }
    await client.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: [rule] } }))
  } finally {
    client.destroy()
  }
}
