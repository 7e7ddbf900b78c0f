import type { ModelConfig } from '@modelport/schema/model-config'
import { makeProblem, type Problem } from '@modelport/schema/model-config/problem'
import type { KeptFiles } from './ignore-files.ts'
import type { Project } from './project.ts'
import { projectPath } from './requirements.ts'
import { plainCommands } from './shell-words.ts'

interface Step {
  text: string
  line: number
  path: string
}

/**
 * Finds files that the entrypoint or a `-r` needs and that are not in the repository or are ignored. Only what is certain
 * is an error: a file that an earlier step may make is left to the build.
 */
export function missingFiles(
  config: ModelConfig,
  steps: readonly Step[],
  { kept }: KeptFiles,
  project: Project,
): Problem[] {
  const problems: Problem[] = []
  const here = new Set(kept.map((file) => file.path))
  const inRepository = new Set(project.files.map((file) => file.path))
  const describe = (path: string) =>
    inRepository.has(path)
      ? `\`${path}\` is left out of the image by files.ignore`
      : `\`${path}\` is not in the repository`
  const mend = (path: string) => {
    if (inRepository.has(path)) return 'remove the pattern that matches it'
    const other = project.files.find((file) => file.path.toLowerCase() === path.toLowerCase())
    return other
      ? `write it as it is spelled in the repository: \`${other.path}\``
      : 'add the file, or correct its name'
  }

  let projectMayChange = false
  for (const { text, line, path } of steps) {
    const commands = plainCommands(text)
    for (const words of commands ?? []) {
      if (projectMayChange) break
      for (const file of requirementFiles(words)) {
        if (here.has(file)) continue
        problems.push(
          makeProblem({
            code: 'requirements-file-missing',
            severity: 'error',
            at: { line, column: 1 },
            path,
            value: text,
            understood: describe(file),
            mend: mend(file),
          }),
        )
      }
      projectMayChange ||= !leavesProjectAlone(words)
    }
    projectMayChange ||= commands === null
  }

  const script = entrypointScript(config.entrypoint.text)
  if (script !== null && !here.has(script)) {
    const directory = script.split('/').slice(0, -1).join('/')
    const directoryIsHere = directory === '' || kept.some((file) => file.path.startsWith(`${directory}/`))
    // A step may bring a whole directory (`git clone`), seldom the script into a directory that is there.
    const certain = inRepository.has(script) || directoryIsHere || !projectMayChange
    problems.push(
      makeProblem({
        code: 'entrypoint-file-missing',
        severity: certain ? 'error' : 'warning',
        at: { line: config.entrypoint.line, column: 1 },
        path: 'entrypoint',
        value: config.entrypoint.text,
        understood: `${describe(script)}${certain ? '' : ', so a build step has to bring it'}`,
        mend: mend(script),
      }),
    )
  }
  return problems
}

/** The project's script that a command starts, or null when the command is not of a known form. */
export function entrypointScript(entrypoint: string): string | null {
  const commands = plainCommands(entrypoint)
  if (!commands) return null
  let directory = ''
  for (const words of commands.slice(0, -1)) {
    const target = words[0] === 'cd' && words.length === 2 ? projectPath(words[1]!, directory) : null
    // `export A=b` moves nothing; any other command in front may.
    if (target !== null) directory = target
    else if (words[0] !== 'export') return null
  }
  const words = commands.at(-1)!.filter((word, index, all) => !isAssignment(word, all.slice(0, index)))
  if (words[0] === 'exec' || words[0] === 'env') words.shift()
  const program = words.shift() ?? ''
  const interpreter = /(^|\/)(python[\d.]*|sh|bash|dash)$/.test(program)
  if (!interpreter) {
    if (program.startsWith('./')) return projectPath(program, directory)
    return /\.(py|sh)$/.test(program) ? projectPath(program, directory) : null
  }
  while (words[0]?.startsWith('-')) {
    const flag = words.shift()!
    if (/^-[a-zA-Z]*[mc]$/.test(flag)) return null
    if (flag === '-W' || flag === '-X') words.shift()
  }
  return words[0] === undefined ? null : projectPath(words[0], directory)
}

function isAssignment(word: string, before: readonly string[]): boolean {
  const assignment = /^[A-Za-z_]\w*=/
  return assignment.test(word) && before.every((other) => assignment.test(other) || other === 'env')
}

function requirementFiles(words: readonly string[]): string[] {
  const start = words[0] === 'sudo' ? 1 : 0
  const program = words[start] ?? ''
  const isPip = /(^|\/)pip[\d.]*$/.test(program)
  const isPythonPip = /(^|\/)python[\d.]*$/.test(program) && words[start + 1] === '-m' && words[start + 2] === 'pip'
  if (!isPip && !isPythonPip) return []
  return words.flatMap((word, index) => {
    const inline = /^(?:-r|--requirement=)(.+)$/.exec(word)?.[1]
    const file = inline ?? (word === '-r' || word === '--requirement' ? words[index + 1] : undefined)
    const path = file === undefined || /^[a-z+]+:\/\//i.test(file) ? null : projectPath(file)
    return path === null ? [] : [path]
  })
}

/** Programs that neither change the current directory nor make files in it. */
function leavesProjectAlone(words: readonly string[]): boolean {
  const program = words[0] === 'sudo' ? words[1] : words[0]
  return /^(apt|apt-get|pip|pip3|echo|export|conda|true)$/.test(program ?? '') || isPythonPipCommand(words)
}

function isPythonPipCommand(words: readonly string[]): boolean {
  return /(^|\/)python[\d.]*$/.test(words[0] ?? '') && words[1] === '-m' && words[2] === 'pip'
}
