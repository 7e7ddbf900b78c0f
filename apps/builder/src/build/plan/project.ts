/** A file of the checked-out commit, by its path relative to the root with `/` between the parts. */
export interface ProjectFile {
  path: string
  bytes: number
  /** True for a symbolic link. */
  link?: boolean
}

/** What planning may know of the repository. `readText` returns null for what is missing, too large or not text. */
export interface Project {
  files: readonly ProjectFile[]
  readText: (path: string) => string | null
}
