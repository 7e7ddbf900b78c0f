// A thread of its own, in plain JavaScript because Node loads this file as it stands. Markdown can be written so that
// parsing takes time that grows with the square of its length; whoever started this thread can end it.
import { parentPort } from 'node:worker_threads'
import rehypeSanitize, { defaultSchema } from 'rehype-sanitize'
import remarkGfm from 'remark-gfm'
import remarkParse from 'remark-parse'
import remarkRehype from 'remark-rehype'
import { unified } from 'unified'

const processor = unified()
  .use(remarkParse)
  .use(remarkGfm)
  .use(remarkRehype)
  .use(rehypeSanitize, {
    ...defaultSchema,
    protocols: { ...defaultSchema.protocols, href: ['http', 'https', 'mailto'], src: ['http', 'https'] },
  })

parentPort.on('message', ({ text }) => {
  try {
    parentPort.postMessage({ tree: processor.runSync(processor.parse(text)) })
  } catch {
    parentPort.postMessage({ tree: null })
  }
})

parentPort.postMessage('ready')
