// A thread of its own, in plain JavaScript because Node loads this file as it stands. Text can be written so that
// parsing takes time that grows with the square of its length; whoever started this thread can end it.
import { parentPort } from 'node:worker_threads'
import { common, createLowlight } from 'lowlight'
import rehypeRaw from 'rehype-raw'
import rehypeSanitize, { defaultSchema } from 'rehype-sanitize'
import remarkGfm from 'remark-gfm'
import remarkParse from 'remark-parse'
import remarkRehype from 'remark-rehype'
import { unified } from 'unified'

// GitHub's allow-list, and less: nothing that loads by itself but `img`, which the page settles, and no words for other
// programs. Ids and names get a prefix, so that none is taken for one of the page's.
const schema = {
  ...defaultSchema,
  tagNames: defaultSchema.tagNames.filter((name) => name !== 'picture' && name !== 'source'),
  attributes: {
    ...defaultSchema.attributes,
    '*': ['align', 'dir', 'id', 'lang', 'name', 'ariaDescribedBy', 'ariaLabel', 'ariaLabelledBy'],
    a: [...defaultSchema.attributes.a.filter((one) => one !== 'href'), 'href', 'title'],
    img: ['src', 'alt', 'title', 'width', 'height'],
    details: ['open'],
    input: [...defaultSchema.attributes.input, 'checked'],
    ol: ['start'],
    td: ['colSpan', 'rowSpan'],
    th: ['colSpan', 'rowSpan'],
  },
  protocols: { ...defaultSchema.protocols, href: ['http', 'https', 'mailto'], src: ['http', 'https'] },
}

const processor = unified()
  .use(remarkParse)
  .use(remarkGfm)
  .use(remarkRehype, { allowDangerousHtml: true })
  .use(rehypeRaw)
  .use(rehypeSanitize, schema)

// What a page has to draw is bounded too, not only what is read.
const deepest = 50
const mostNodes = 20_000

function isModest(tree) {
  let nodes = 0
  const walk = (node, depth) =>
    ++nodes <= mostNodes && depth <= deepest && (node.children ?? []).every((child) => walk(child, depth + 1))
  return walk(tree, 0)
}

const lowlight = createLowlight(common)

/** Code as lines of pieces, each with its class or none. */
function highlightLines(code, language) {
  const lines = [[]]
  const walk = (node, kind) => {
    if (node.type === 'text') {
      for (const [i, text] of node.value.split('\n').entries()) {
        if (i > 0) lines.push([])
        if (text !== '') lines.at(-1).push(kind ? [text, kind] : [text])
      }
      return
    }
    // Of nested classes the innermost colours the text.
    const own = node.properties?.className?.find((name) => name.startsWith('hljs-')) ?? kind
    for (const child of node.children) walk(child, own)
  }
  walk(lowlight.highlight(language, code))
  return lines
}

/** Colours the code blocks of a sanitised tree that name their language. */
function highlightBlocks(node) {
  for (const child of node.children ?? []) {
    const name = child.tagName === 'code' ? child.properties?.className?.[0] : undefined
    const language = typeof name === 'string' ? name.replace(/^language-/, '') : ''
    const text = child.children?.[0]
    if (node.tagName === 'pre' && text?.type === 'text' && lowlight.registered(language))
      child.children = lowlight.highlight(language, text.value).children
    else highlightBlocks(child)
  }
}

parentPort.on('message', ({ markdown, code, language }) => {
  try {
    if (code !== undefined) {
      const known = lowlight.registered(language)
      parentPort.postMessage({ result: known ? highlightLines(code, language) : null })
      return
    }
    const tree = processor.runSync(processor.parse(markdown))
    if (isModest(tree)) highlightBlocks(tree)
    parentPort.postMessage({ result: isModest(tree) ? tree : null })
  } catch {
    parentPort.postMessage({ result: null })
  }
})

parentPort.postMessage('ready')
