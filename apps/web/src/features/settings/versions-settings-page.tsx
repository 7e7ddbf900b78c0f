import { refRuleLimits } from '@modelport/schema/ref-rules'
import { targets } from '@modelport/schema/words'
import Link from 'next/link'
import { policyAction } from '#src/features/settings/actions.ts'
import { Card, Choice, Field, Shown } from '#src/features/settings/card.tsx'
import type { VersionSettings } from '#src/features/settings/load-settings.ts'
import { SettingsFrame } from '#src/features/settings/settings-frame.tsx'
import { ActionForm } from '#src/ui/action-form.tsx'
import { formatBytes, formatDuration } from '#src/ui/format.ts'
import { Fact } from '#src/ui/parts.tsx'

/** Which pushes make versions, which version visitors get, and what a build gets. */
export function VersionsSettingsPage({ data }: { data: VersionSettings }) {
  const { view, readyNumbers } = data
  const { model, path, defaultVersion } = view
  return (
    <SettingsFrame view={view} part="versions">
      <section aria-labelledby="default-version" className="card p-5 max-sm:p-3">
        <h2 id="default-version" className="text-lg leading-7 font-semibold">
          Default version
        </h2>
        <p className="mt-1 text-fg-muted">
          {defaultVersion
            ? `Visitors get version ${defaultVersion.number}${model.defaultPolicy === 'pinned' ? ', which is pinned' : ''}.`
            : 'There is none yet.'}{' '}
          Moving it rebuilds nothing.
        </p>
        <ActionForm guard action={policyAction} hidden={{ path }} className="mt-3 space-y-3">
          <fieldset>
            <legend className="sr-only">Policy</legend>
            <Choice
              name="policy"
              value="latest"
              checked={model.defaultPolicy === 'latest'}
              title="Latest ready version"
              hint={`The newest ready version of ${model.branch} becomes the default by itself. One that is ready for one target only never does.`}
            />
            <Choice
              name="policy"
              value="pinned"
              checked={model.defaultPolicy === 'pinned'}
              disabled={readyNumbers.length === 0}
              title="Pinned"
              hint={
                readyNumbers.length > 0
                  ? 'The version below stays the default until somebody changes it.'
                  : 'No version is ready yet that could be pinned.'
              }
            />
          </fieldset>
          {readyNumbers.length > 0 ? (
            <Field label="Version to pin">
              <select
                key={defaultVersion?.number}
                name="version"
                defaultValue={defaultVersion?.number}
                className="input max-w-60"
              >
                {readyNumbers.map((number) => (
                  <option key={number} value={number}>
                    Version {number}
                  </option>
                ))}
              </select>
            </Field>
          ) : null}
          <button type="submit" className="button button-primary">
            Save default version
          </button>
        </ActionForm>
      </section>

      <Card
        title="Branches and tags"
        path={path}
        lead={
          <>
            Pushes to these make versions. Every other push is listed under{' '}
            <Link prefetch={false} className="link" href={`${path}/deliveries`}>
              Pushes
            </Link>{' '}
            with the reason why it was left out. Versions that exist stay.
          </>
        }
      >
        <Field
          label="Production branch"
          hint="Under “latest ready version” only its versions become the default by themselves."
        >
          <input
            name="branch"
            required
            maxLength={200}
            defaultValue={model.branch}
            spellCheck={false}
            className="input font-mono"
          />
        </Field>
        <Field
          label="Further branches, one pattern on a line"
          hint="* is anything but a slash, ** anything; a line that begins with ! takes out what those above it let in. For example: release/*"
        >
          <textarea
            name="branchRules"
            rows={3}
            spellCheck={false}
            defaultValue={model.branchRules.join('\n')}
            className="input font-mono"
          />
        </Field>
        <Field label="Tags, one pattern on a line" hint={`For example: v*. At most ${refRuleLimits.rules} patterns.`}>
          <textarea
            name="tagRules"
            rows={3}
            spellCheck={false}
            defaultValue={model.tagRules.join('\n')}
            className="input font-mono"
          />
        </Field>
      </Card>

      <Card
        title="Substitutions"
        path={path}
        lead="What happens when a Python, a CUDA, a framework or a package that is asked for cannot be had."
      >
        <Field label="Policy">
          <select
            key={model.substitutionPolicy}
            name="substitutionPolicy"
            defaultValue={model.substitutionPolicy ?? ''}
            className="input max-w-96"
          >
            <option value="">
              As this installation does
              {data.build ? `: ${policyWords[data.build.substitutionPolicy].toLowerCase()}` : ''}
            </option>
            <option value="nearest">{policyWords.nearest}</option>
            <option value="exact">{policyWords.exact}</option>
          </select>
        </Field>
      </Card>

      <BuildFacts data={data} />
    </SettingsFrame>
  )
}

const policyWords = { nearest: 'Take the nearest, and say so', exact: 'Fail, and name what is available' }

/** What a build is for and what it may use: decided by `runway.yml` and by whoever runs the installation. */
function BuildFacts({ data: { view, build, off } }: { data: VersionSettings }) {
  const version = view.newest ?? view.version
  const built = (version?.config as { targets?: unknown } | null)?.targets
  const on = Array.isArray(built) ? targets.filter((target) => built.includes(target)) : null
  return (
    <Shown title="Build targets and limits">
      <p className="text-fg-muted">
        Targets are switched off by <code className="font-mono">spec</code> in runway.yml; the limits are the
        installation’s. Neither is changed here.
      </p>
      <dl className="mt-3 divide-y divide-border">
        <Fact term="Targets">
          {on
            ? `${on.map((target) => target.toUpperCase()).join(' and ')}, as version ${version!.number} has it`
            : 'Known once a build has read runway.yml'}
        </Fact>
        {build ? (
          <>
            <Fact term="Memory">{formatBytes(build.memoryBytes)}</Fact>
            <Fact term="Processors">{build.cpus}</Fact>
            <Fact term="Processes">{build.pids}</Fact>
            <Fact term="Disk">{formatBytes(build.diskBytes)}</Fact>
            <Fact term="Log">{formatBytes(build.logBytes)}</Fact>
            <Fact term="Time">
              CPU {formatDuration(build.seconds.cpu * 1000)}, GPU {formatDuration(build.seconds.gpu * 1000)}
            </Fact>
            <Fact term="Network">
              {build.egress === 'public'
                ? 'Public addresses, ports 80 and 443, through a proxy'
                : 'Package indexes only, through a proxy'}
            </Fact>
            <Fact term="Base images">{build.catalogue}</Fact>
          </>
        ) : (
          <Fact term="Limits">No worker has reported; builds wait until one runs.</Fact>
        )}
        {off.length > 0 ? <Fact term="Not limited here">{off.join(', ')}</Fact> : null}
      </dl>
    </Shown>
  )
}
