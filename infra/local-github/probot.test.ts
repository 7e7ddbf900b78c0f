import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createNodeMiddleware, createProbot, ProbotOctokit } from 'probot'
import { expect, it, vi } from 'vitest'
import { git, TestGithub, workTree } from './testing.ts'

vi.setConfig({ testTimeout: 60_000 })

it('serves a Probot app from a push to a finished check run', async () => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const webhookUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/github`
  const github = await TestGithub.start({ webhookUrl })
  try {
    const seen: string[] = []
    const probot = createProbot({
      env: {
        APP_ID: String(github.config.appId),
        PRIVATE_KEY: github.privateKey,
        WEBHOOK_SECRET: github.config.webhookSecret,
        GHE_HOST: new URL(github.url).host,
        GHE_PROTOCOL: 'http',
        LOG_LEVEL: 'fatal',
      },
      overrides: { Octokit: ProbotOctokit.defaults({ throttle: { enabled: false }, retry: { enabled: false } }) },
    })
    const middleware = await createNodeMiddleware(
      (app) => {
        app.on('push', async (context) => {
          const { payload } = context
          const owner = payload.repository.owner!.login!
          const repo = payload.repository.name
          const { data: run } = await context.octokit.rest.checks.create({
            owner,
            repo,
            name: 'build',
            head_sha: payload.after,
          })
          const { data } = await context.octokit.rest.repos.downloadTarballArchive({ owner, repo, ref: payload.after })
          await context.octokit.rest.checks.update({
            owner,
            repo,
            check_run_id: run.id,
            conclusion: 'failure',
            output: {
              title: 'runway.yml is wrong',
              summary: `${(data as ArrayBuffer).byteLength > 0 ? 'read' : 'empty'}`,
              annotations: [
                { path: 'runway.yml', start_line: 1, end_line: 1, annotation_level: 'failure', message: 'python 3.6' },
              ],
            },
          })
        })
        app.on('check_run.rerequested', (context) => {
          seen.push(context.payload.check_run.name)
        })
      },
      { probot, webhooksPath: '/hooks/github' },
    )
    server.on('request', (req, res) => void middleware(req, res, () => res.writeHead(404).end()))

    const dir = await workTree(github)
    await git(dir, 'push', '--quiet', github.remote('alice/probot'), 'HEAD:main')
    await github.settled()
    const { body } = await github.call('GET', '/repos/alice/probot/commits/main/check-runs')
    expect(body.check_runs).toMatchObject([
      { name: 'build', status: 'completed', conclusion: 'failure', output: { summary: 'read', annotations_count: 1 } },
    ])
    await github.call('POST', `/repos/alice/probot/check-runs/${body.check_runs[0].id}/rerequest`, { as: 'alice' })
    await github.settled()
    expect(seen).toEqual(['build'])
  } finally {
    await github.close()
    server.closeAllConnections()
    server.close()
  }
})
