export const repository: string
export function nodeProblem(version: string): string | null
export function installIsDue(root: string): boolean
export function bootstrap(options?: { quiet?: boolean }): void
