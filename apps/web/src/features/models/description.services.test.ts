import { syncModel } from '@modelport/db/queries/models'
import * as schema from '@modelport/schema/api'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openTestSite, type TestSite } from '#src/api/test-site.ts'
import * as route from '#src/app/api/v1/models/[owner]/[model]/route.ts'
import * as list from '#src/app/api/v1/models/route.ts'

let site: TestSite
beforeAll(async () => {
  site = await openTestSite()
})
afterAll(() => site.close())

const readme = `---
title: Waves
license: cc-by-nc-4.0
tags: [art]
arxiv: 2103.00020
layout: ../../etc
---
# Waves
`

it('describes a model by its README, lets publishers say otherwise, and hands it back', async () => {
  const made = await site.seed.model({ name: 'waves', summary: 'From GitHub', topics: ['topic'] })
  await site.seed.publishedVersion(made.model, { readme, citation: 'title: Other\nauthors: [{name: Ada}]\n' })
  site.permissions.set('alice/waves alice', 'admin')
  const as = await site.tokenOf(await site.seed.person('alice'))
  const params = { owner: 'alice', model: 'waves' }
  const get = async () => schema.Model.parse(await (await site.call(route.GET, '/models/alice/waves', params)).json())
  const patch = (body: unknown) => site.call(route.PATCH, '/models/alice/waves', params, { as, body, method: 'PATCH' })

  expect(await get()).toMatchObject({
    title: 'Waves',
    summary: 'From GitHub',
    keywords: ['art'],
    license: 'CC-BY-NC-4.0',
    links: [{ title: 'arXiv:2103.00020', url: 'https://arxiv.org/abs/2103.00020' }],
    authors: [{ name: 'Ada' }],
    sources: { title: 'README', summary: 'repository', keywords: 'README', license: 'README', authors: 'CITATION.cff' },
  })

  const listed = (await (await site.call(list.GET, '/models?q=waves')).json()) as { items: object[] }
  expect(listed.items).toMatchObject([{ title: 'Waves', license: 'CC-BY-NC-4.0', keywords: ['art'] }])

  const said = { title: 'My waves', summary: 'Mine', keywords: ['sea'], authors: [{ name: 'Grace', role: 'teacher' }] }
  expect((await patch(said)).status).toBe(200)
  expect(await get()).toMatchObject({ ...said, sources: { title: 'edited', summary: 'edited', links: 'README' } })

  // News of the repository does not take back what was written here.
  await syncModel(site.db, {
    repository: {
      id: made.model.githubRepositoryId,
      name: 'waves',
      private: false,
      default_branch: 'main',
      description: 'Newer words',
    },
    publisher: made.publisher,
    installationId: null,
  })
  expect((await get()).summary).toBe('Mine')
  await patch({ summary: null, title: null, keywords: null })
  expect(await get()).toMatchObject({ title: 'Waves', summary: 'Newer words', keywords: ['art'] })
})

it('refuses links that are none, and names nobody', async () => {
  await site.seed.model({ name: 'refusing' })
  site.permissions.set('alice/refusing alice', 'admin')
  const as = await site.tokenOf(await site.seed.person('alice'))
  for (const body of [
    { links: [{ title: 'x', url: 'javascript:alert(1)' }] },
    { links: [{ title: 'x', url: 'https://user:pass@example.org' }] },
    { authors: [{ name: ' ' }] },
    { keywords: Array.from({ length: 31 }, (_, i) => `k${i}`) },
  ]) {
    const params = { owner: 'alice', model: 'refusing' }
    const answer = await site.call(route.PATCH, '/models/alice/refusing', params, { as, body, method: 'PATCH' })
    expect(answer.status, JSON.stringify(body)).toBe(400)
  }
})
