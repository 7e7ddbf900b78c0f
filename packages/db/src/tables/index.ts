// drizzle-kit and the client read every table from here; code imports the file that it needs.
export * from './files.ts'
export * from './gallery.ts'
export * from './intake.ts'
export * from './models.ts'
export * from './people.ts'
export * from './search.ts'
export * from './versions.ts'
export * from './workers.ts'
