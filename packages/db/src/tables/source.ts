import { bigint, index, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { versions } from './versions.ts'

/** The text of a source file, once for each content: most files are the same from version to version. */
export const sourceTexts = pgTable('source_texts', {
  /** 64 hex digits. */
  sha256: text().primaryKey(),
  text: text().notNull(),
})

/** A file of a version's commit. Its text is kept where it is text and small enough; the name always is. */
export const sourceFiles = pgTable(
  'source_files',
  {
    versionId: uuid('version_id')
      .notNull()
      .references(() => versions.id, { onDelete: 'cascade' }),
    /** Below the repository's root, with `/` between its parts. */
    path: text().notNull(),
    bytes: bigint({ mode: 'number' }).notNull(),
    /** `large`: text or not, it is not kept; `link`: what it points to is its text. */
    kind: text().$type<'text' | 'binary' | 'large' | 'link'>().notNull(),
    sha256: text().references(() => sourceTexts.sha256),
  },
  (t) => [primaryKey({ columns: [t.versionId, t.path] }), index().on(t.sha256)],
)
