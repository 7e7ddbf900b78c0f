/**
 * Splits a command line into its `&&`-joined commands and their words, or returns null when it is anything more than
 * plain words and quotes. Deliberately narrow: null only means that nothing is known about the command.
 */
export function plainCommands(text: string): string[][] | null {
  const commands: string[][] = [[]]
  let word: string | null = null
  let i = 0
  const endWord = () => {
    if (word !== null) commands.at(-1)!.push(word)
    word = null
  }
  while (i < text.length) {
    const c = text[i]!
    if (c === ' ' || c === '\t') {
      endWord()
      i += 1
    } else if (text.startsWith('&&', i)) {
      endWord()
      if (commands.at(-1)!.length === 0) return null
      commands.push([])
      i += 2
    } else if (c === "'" || c === '"') {
      const end = text.indexOf(c, i + 1)
      if (end === -1) return null
      const quoted = text.slice(i + 1, end)
      // Inside double quotes the shell still expands these; a line break would be one word, but nobody means that.
      if ((c === '"' && /[$`\\]/.test(quoted)) || /[\r\n]/.test(quoted)) return null
      word = (word ?? '') + quoted
      i = end + 1
    } else {
      if (/[$`;|<>&*?[\]{}()!\\\r\n]/.test(c)) return null
      // A comment, a home directory.
      if (word === null && (c === '#' || c === '~')) return null
      word = (word ?? '') + c
      i += 1
    }
  }
  endWord()
  return commands.at(-1)!.length === 0 ? null : commands
}
