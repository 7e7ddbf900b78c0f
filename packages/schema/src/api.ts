import { z } from 'zod'
import { Target } from './words.ts'

// The contract of /api/v1: what requests may hold. The OpenAPI document is made from these.

export const LogQuery = z.object({
  follow: z.enum(['0', '1']).optional().describe('`1`: server-sent events whose ids are line numbers, then `end`.'),
  format: z.enum(['text', 'json']).optional().describe('`json`: lines with number, step, stream and time.'),
  after: z.coerce.number().int().min(0).max(999_999_999).optional().describe('Only lines with higher numbers.'),
  limit: z.coerce.number().int().min(1).max(5000).optional().describe('Lines of a JSON page.'),
  find: z.string().min(1).max(200).optional().describe('The numbers of the lines that contain this, in any case.'),
  attempt: z.coerce.number().int().min(1).max(100_000).optional().describe('An earlier attempt instead of the newest.'),
})
