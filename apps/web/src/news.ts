import type { News } from '@modelport/db/queries/versions'
import postgres from 'postgres'

export interface NewsFeed {
  /** Calls `hear` for every message until the returned function is called. `null` means: some may have been missed, look again. */
  subscribe(hear: (news: News | null) => void): () => void
  close(): Promise<void>
}

/** Every open page of a process shares one LISTEN connection, which opens with the first listener. */
export function openNewsFeed(databaseUrl: string): NewsFeed {
  const listeners = new Set<(news: News | null) => void>()
  let sql: postgres.Sql | undefined
  const tell = (news: News | null) => {
    for (const hear of [...listeners]) hear(news)
  }

  function start(): void {
    sql = postgres(databaseUrl, {
      max: 1,
      onnotice: () => {},
      idle_timeout: 0,
      connection: { application_name: 'modelport-web-news' },
    })
    const opened = sql
    opened
      .listen(
        'modelport',
        (text) => tell(parseNews(text)),
        // Also called after a lost connection came back: what was told in between is gone.
        () => tell(null),
      )
      .catch((error: unknown) => {
        console.error('The news connection could not be opened; pages look every three seconds instead.', error)
        if (sql === opened) sql = undefined
      })
  }

  return {
    subscribe(hear) {
      listeners.add(hear)
      if (!sql) start()
      return () => listeners.delete(hear)
    },
    async close() {
      listeners.clear()
      await sql?.end({ timeout: 2 })
      sql = undefined
    },
  }
}

function parseNews(text: string): News | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as News) : null
  } catch {
    return null
  }
}
