import type { AppFinding } from '@modelport/schema/github-app'
import { CircleAlert, CircleCheck, CircleHelp } from 'lucide-react'
import type { ConnectData } from '#src/features/connect/load-connect.ts'
import { CopyButton } from '#src/ui/copy-button.tsx'
import { Banner, Fact, Page, Section, Sentence } from '#src/ui/parts.tsx'

const verdicts = {
  fine: { words: 'Good', icon: CircleCheck, colour: 'text-success' },
  unknown: { words: 'Not known yet', icon: CircleHelp, colour: 'text-fg-muted' },
  wrong: { words: 'To mend', icon: CircleAlert, colour: 'text-danger' },
} as const

/** What GitHub and this installation have to know of each other, and whether they do. */
export function ConnectPage({ data }: { data: ConnectData }) {
  return (
    <Page
      title="Connect your GitHub App"
      lead="Modelport hears of pushes, reads source and signs people in as a GitHub App of your own."
      narrow
    >
      <Section title="Checks" id="checks">
        {data.findings ? (
          <Findings findings={data.findings} />
        ) : (
          <Banner kind="warning">
            No app is configured. Make one below, save its values in the environment of web, receiver and worker, and
            start them again.
          </Banner>
        )}
      </Section>
      <Configured data={data} />
      <Create data={data} />
      <ByHand data={data} />
    </Page>
  )
}

function Findings({ findings }: { findings: AppFinding[] }) {
  return (
    <ul className="card divide-y divide-border">
      {findings.map((finding) => {
        const { words, icon: Icon, colour } = verdicts[finding.verdict]
        return (
          <li key={finding.what} className="px-4 py-3">
            <div className="flex flex-wrap items-center justify-between gap-x-3">
              <h3 className="font-medium">{finding.what}</h3>
              <span className={`inline-flex items-center gap-1 ${colour}`}>
                <Icon size={16} aria-hidden /> {words}
              </span>
            </div>
            <p className="wrap-anywhere text-fg-muted">{finding.detail}</p>
            {finding.mend ? (
              <p className="mt-1 wrap-anywhere">
                <span className="font-medium">What to do:</span> {finding.mend}.
              </p>
            ) : null}
          </li>
        )
      })}
    </ul>
  )
}

function Configured({ data: { configured } }: { data: ConnectData }) {
  const given = (is: boolean) => (is ? 'set, never shown' : 'not set')
  return (
    <Section title="What is configured" id="configured">
      <dl className="facts">
        <Fact term="GitHub">{configured.githubWebUrl}</Fact>
        <Fact term="Its API">{configured.githubApiUrl}</Fact>
        <Fact term="App id">{configured.appId || 'not set'}</Fact>
        <Fact term="Private key">{given(configured.hasKey)}</Fact>
        <Fact term="Client id">{configured.clientId || 'not set'}</Fact>
        <Fact term="Client secret">{given(configured.hasClientSecret)}</Fact>
      </dl>
    </Section>
  )
}

function Create({ data }: { data: ConnectData }) {
  const { manifest, organisation, setup, configured } = data
  return (
    <Section title="Create the app on GitHub" id="create">
      <p>
        GitHub shows you the app with everything below filled in, makes it, and sends you back here for its keys. They
        are shown once and stored nowhere: you save them.
      </p>
      <form method="get" className="mt-4 flex flex-wrap items-end gap-2">
        {setup ? <input type="hidden" name="setup" value={setup} /> : null}
        <label className="min-w-0">
          <span className="mb-1 block font-medium">Organisation that owns it</span>
          <input
            className="input"
            name="organisation"
            defaultValue={organisation}
            maxLength={39}
            placeholder="your own account"
            autoCapitalize="none"
            spellCheck={false}
          />
        </label>
        <button type="submit" className="button">
          Use it
        </button>
      </form>
      {configured.appId ? (
        <div className="mt-4">
          <Banner kind="neutral">
            An app is configured already. A new one takes its place when you save its values; installations of the old
            one do not move.
          </Banner>
        </div>
      ) : null}
      <form method="post" action={manifest.action} className="mt-4">
        <input type="hidden" name="manifest" value={manifest.json} />
        <button type="submit" className="button button-primary">
          {organisation ? `Create the app for ${organisation}` : 'Create the app'}
        </button>
      </form>
    </Section>
  )
}

function ByHand({ data: { urls, permissions, events } }: { data: ConnectData }) {
  const addresses = [
    ['Homepage URL', urls.site],
    ['Callback URL', urls.callback],
    ['Setup URL', urls.setup],
    ['Webhook URL', urls.webhook],
  ] as const
  return (
    <>
      <Section title="Addresses" id="addresses">
        <ul className="card divide-y divide-border">
          {addresses.map(([name, address]) => (
            <li key={name} className="flex flex-wrap items-center justify-between gap-x-3 gap-y-1 px-4 py-2">
              <div className="min-w-0">
                <div className="font-medium">{name}</div>
                <code className="font-mono text-[13px] wrap-anywhere">{address}</code>
              </div>
              <CopyButton text={address} label={`Copy ${name.replace(' URL', '').toLowerCase()}`} />
            </li>
          ))}
        </ul>
        <p className="mt-2 text-fg-muted">
          The webhook is active, its content type is application/json, and its secret is the receiver’s
          GITHUB_WEBHOOK_SECRET.
        </p>
      </Section>
      <Section title="Permissions" id="permissions">
        <Reasons items={permissions.map((p) => ({ name: `${p.label}: ${p.level}`, why: p.why }))} />
      </Section>
      <Section title="Events" id="events">
        <Reasons items={events} />
      </Section>
    </>
  )
}

function Reasons({ items }: { items: readonly { name: string; why: string }[] }) {
  return (
    <dl className="card divide-y divide-border">
      {items.map(({ name, why }) => (
        <div key={name} className="px-4 py-2">
          <dt className="font-medium">{name}</dt>
          <dd className="text-fg-muted">
            <Sentence text={why} />
          </dd>
        </div>
      ))}
    </dl>
  )
}
