import type { ApiToken } from '@modelport/db/queries/people'
import { revokeTokenAction } from '#src/features/settings/actions.ts'
import { Field } from '#src/features/settings/card.tsx'
import { TokenForm } from '#src/features/settings/token-form.tsx'
import { CodeBlock } from '#src/ui/code-block.tsx'
import { ConfirmButton } from '#src/ui/confirm-button.tsx'
import { Page, Section, Time } from '#src/ui/parts.tsx'

const scopes = [
  { scope: 'read', hint: 'See what you may see' },
  { scope: 'write', hint: 'Import, rebuild, cancel, move defaults' },
  { scope: 'files', hint: 'Upload and download checkpoints' },
  { scope: 'admin', hint: 'Change settings, delete, manage tokens' },
]

export function TokensPage({ tokens, siteUrl }: { tokens: ApiToken[]; siteUrl: string }) {
  return (
    <Page narrow title="API tokens" lead="A token does what you may do, within its scopes. Keep it like a password.">
      <TokenForm>
        <Field label="Name" hint="What it is for, such as “laptop” or “nightly job”.">
          <input name="name" required maxLength={100} autoComplete="off" className="input" />
        </Field>
        <fieldset>
          <legend className="font-medium">Scopes</legend>
          {scopes.map(({ scope, hint }) => (
            <label key={scope} className="flex items-start gap-3 py-1">
              <input
                type="checkbox"
                name="scopes"
                value={scope}
                defaultChecked={scope === 'read'}
                className="mt-0.5 size-4 shrink-0 accent-accent"
              />
              <span>
                <span className="font-mono text-[13px] font-medium">{scope}</span>{' '}
                <span className="text-fg-muted">{hint}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <Field label="Ends after">
          <select name="expiresInDays" defaultValue="90" className="input">
            <option value="30">30 days</option>
            <option value="90">90 days</option>
            <option value="365">a year</option>
            <option value="">never</option>
          </select>
        </Field>
        <button type="submit" className="button button-primary">
          Create token
        </button>
      </TokenForm>
      <div className="mt-8">
        <Section title="Your tokens" id="tokens">
          {tokens.length === 0 ? (
            <p className="text-fg-muted">You have none.</p>
          ) : (
            <ul className="card divide-y divide-border">
              {tokens.map((token) => (
                <li key={token.id} className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 px-4 py-3">
                  <div className="min-w-0">
                    <p>
                      <span className="font-semibold">{token.name}</span>{' '}
                      <code className="font-mono text-[13px] text-fg-muted">{token.prefix}…</code>
                    </p>
                    <p className="text-[13px] text-fg-muted">
                      {token.scopes.join(', ')} · made <Time date={token.createdAt} /> ·{' '}
                      {token.lastUsedAt ? (
                        <>
                          used <Time date={token.lastUsedAt} />
                        </>
                      ) : (
                        'never used'
                      )}
                      {token.expiresAt ? ` · ends ${token.expiresAt.toISOString().slice(0, 10)}` : ' · does not end'}
                    </p>
                  </div>
                  <ConfirmButton
                    label="Revoke"
                    danger
                    title={`Revoke “${token.name}”?`}
                    confirm="Revoke token"
                    action={revokeTokenAction}
                    hidden={{ id: token.id }}
                  >
                    <p>Whatever uses it stops working at once. This can't be undone.</p>
                  </ConfirmButton>
                </li>
              ))}
            </ul>
          )}
        </Section>
        <Section title="How to use one" id="use">
          <CodeBlock wrap title="curl" code={`curl -H 'Authorization: Bearer mp_…' ${siteUrl}/api/v1/models`} />
        </Section>
      </div>
    </Page>
  )
}
