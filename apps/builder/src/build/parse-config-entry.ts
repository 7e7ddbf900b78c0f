/** The child process of `parse-config-process.ts`: one request on stdin, one answer on stdout, nothing else. */
import { parseModelConfig } from '@modelport/schema/model-config'

// The parent counts the time for the work from here: starting Node and its loader is not the file's fault.
process.stdout.write('{"ready":true}\n')

const chunks: Buffer[] = []
for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
const input = Buffer.concat(chunks)
// A JSON header on the first line, then the file's bytes as they are.
const end = input.indexOf(0x0a)
const { catalogue, policy } = JSON.parse(input.subarray(0, end).toString('utf8'))
process.stdout.write(`${JSON.stringify(parseModelConfig(input.subarray(end + 1), { catalogue, policy }))}\n`)
