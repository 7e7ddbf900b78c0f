import { xml } from '#src/features/public-files/answer.ts'

export interface Feed {
  /** Never changes, whatever the address becomes. */
  id: string
  title: string
  /** The page that the feed is of, and the feed's own address. */
  page: string
  self: string
  entries: Entry[]
}

export interface Entry {
  id: string
  title: string
  author: string
  page: string
  updatedAt: Date
  summary: string
}

/** An Atom feed (RFC 4287). */
export function atom(feed: Feed): string {
  const newest = Math.max(0, ...feed.entries.map((entry) => entry.updatedAt.getTime()))
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<feed xmlns="http://www.w3.org/2005/Atom">',
    `<id>${xml(feed.id)}</id>`,
    `<title>${xml(feed.title)}</title>`,
    `<updated>${new Date(newest).toISOString()}</updated>`,
    `<link rel="alternate" type="text/html" href="${xml(feed.page)}"/>`,
    `<link rel="self" type="application/atom+xml" href="${xml(feed.self)}"/>`,
    ...feed.entries.map((entry) =>
      [
        '<entry>',
        `<id>${xml(entry.id)}</id>`,
        `<title>${xml(entry.title)}</title>`,
        `<author><name>${xml(entry.author)}</name></author>`,
        `<updated>${entry.updatedAt.toISOString()}</updated>`,
        `<link rel="alternate" type="text/html" href="${xml(entry.page)}"/>`,
        `<summary type="text">${xml(entry.summary)}</summary>`,
        '</entry>',
      ].join('\n'),
    ),
    '</feed>',
    '',
  ].join('\n')
}
