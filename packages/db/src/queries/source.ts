import { createHash } from 'node:crypto'
import { and, asc, eq, inArray, sql } from 'drizzle-orm'
import type { Db, Tx } from '../client.ts'
import { sourceFiles, sourceTexts } from '../tables/source.ts'

/** A file of a commit as a build saw it; `text` is null where it is not kept. */
export interface SnapshotFile {
  path: string
  bytes: number
  kind: 'text' | 'binary' | 'large' | 'link'
  text: string | null
}

export type SourceFile = Omit<typeof sourceFiles.$inferSelect, 'versionId'>

const batch = 500

/** Keeps the files of a version; once, for they are those of its commit. */
export async function keepSource(tx: Tx, versionId: string, files: readonly SnapshotFile[]): Promise<void> {
  for (let from = 0; from < files.length; from += batch) {
    const rows = files.slice(from, from + batch).map(({ text, ...file }) => ({
      ...file,
      versionId,
      text,
      sha256: text === null ? null : createHash('sha256').update(text).digest('hex'),
    }))
    // In the order of their keys, so that two versions that keep the same texts wait for each other instead of locking.
    const texts = [...new Map(rows.flatMap(({ sha256, text }) => (sha256 ? [[sha256, text!] as const] : [])))]
      .map(([sha256, text]) => ({ sha256, text }))
      .sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1))
    if (texts.length > 0) await tx.insert(sourceTexts).values(texts).onConflictDoNothing()
    await tx
      .insert(sourceFiles)
      .values(rows.map(({ text: _text, ...row }) => row))
      .onConflictDoNothing()
  }
}

/** The files of a version by path; empty where none were kept. */
export async function listSource(db: Db, versionId: string): Promise<SourceFile[]> {
  return db
    .select({
      path: sourceFiles.path,
      bytes: sourceFiles.bytes,
      kind: sourceFiles.kind,
      sha256: sourceFiles.sha256,
    })
    .from(sourceFiles)
    .where(eq(sourceFiles.versionId, versionId))
    .orderBy(asc(sourceFiles.path))
}

export async function hasSource(db: Db, versionId: string): Promise<boolean> {
  const [row] = await db.select({ one: sql`1` }).from(sourceFiles).where(eq(sourceFiles.versionId, versionId)).limit(1)
  return row !== undefined
}

/** Kept texts by their SHA-256. */
export async function readTexts(db: Db, hashes: readonly string[]): Promise<Map<string, string>> {
  if (hashes.length === 0) return new Map()
  const rows = await db
    .select()
    .from(sourceTexts)
    .where(inArray(sourceTexts.sha256, [...new Set(hashes)]))
  return new Map(rows.map((row) => [row.sha256, row.text]))
}

/** The text of one file of a version; null where it is not kept. */
export async function readSourceText(db: Db, versionId: string, path: string): Promise<string | null> {
  const [row] = await db
    .select({ text: sourceTexts.text })
    .from(sourceFiles)
    .innerJoin(sourceTexts, eq(sourceTexts.sha256, sourceFiles.sha256))
    .where(and(eq(sourceFiles.versionId, versionId), eq(sourceFiles.path, path)))
  return row?.text ?? null
}
