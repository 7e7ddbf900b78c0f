/** Who may change a model: a person, its repository on GitHub, or the policy that a person chose. */
export const changeKinds = ['person', 'repository', 'policy'] as const
export type ChangeKind = (typeof changeKinds)[number]

/** What can change on a model, as the record of changes names it. */
export const changedThings = [
  'created',
  'name',
  'visibility',
  'repository-visibility',
  'branch',
  'branch-rules',
  'tag-rules',
  'substitution-policy',
  'viewers-see-versions',
  'viewers-see-logs',
  'viewers-see-files',
  'title',
  'summary',
  'overview',
  'keywords',
  'links',
  'authors',
  'license',
  'performance',
  'gallery',
  'file',
  'default-version',
  'yank',
  'archive',
  'delete',
] as const
export type ChangedThing = (typeof changedThings)[number]
