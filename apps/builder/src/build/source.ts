export interface SourceFile {
  /** Relative to the repository's root, with `/`. */
  path: string
  bytes: number
  link: boolean
}

/** A commit's files on this machine's disk. */
export interface Source {
  dir: string
  files: SourceFile[]
  bytes: number
  /** sha256 of the sorted (path, mode, sha256 of the bytes), which stays the same when the archive's own bytes change. */
  sha256: string
  /** Files that are git-lfs pointers: an archive holds the pointer, not the file. */
  lfsPointers: string[]
  /** Folders of submodules, which an archive holds as empty ones. */
  submodules: string[]
}
