import Link from 'next/link'
import type { ReactNode } from 'react'
import type { Member } from '#src/auth/github.ts'
import { Box, Card, Choice, Shown } from '#src/features/settings/card.tsx'
import type { AccessSettings } from '#src/features/settings/load-settings.ts'
import { SettingsFrame } from '#src/features/settings/settings-frame.tsx'
import { Banner, Fact } from '#src/ui/parts.tsx'

type Visibility = 'public' | 'unlisted' | 'private'

const what: Record<Visibility, { title: string; hint: string; changes: string[] }> = {
  public: {
    title: 'Public',
    hint: 'In the directory, for everybody.',
    changes: [
      'Everybody can open the page, the interface, the licence and the ready versions, here and by the API.',
      'Once a version is the default, the model stands in the directory, on its publisher’s page, in feeds and in the sitemap, and search engines may list it.',
      'Badges show their values.',
    ],
  },
  unlisted: {
    title: 'Unlisted',
    hint: 'For everybody who has the address; in no list and no search engine.',
    changes: [
      'Everybody who has the address can open the page, the interface, the licence and the ready versions.',
      'It stands in no directory, feed, sitemap or count, and asks search engines to leave it out.',
      'Badges show their values.',
    ],
  },
  private: {
    title: 'Private',
    hint: 'For people with write access to the repository; for everybody who may read it when the repository is private too.',
    changes: [
      'The page, every version, the API and old addresses answer “not found” to everybody else, as if there were nothing.',
      'It leaves the directory, its counts, feeds and the sitemap at once. Badges turn grey.',
      'Images and files that somebody already has stay with them.',
    ],
  },
}

/** Who sees what of a model, and who may change it. */
export function AccessPage({ data }: { data: AccessSettings }) {
  const { view } = data
  const { model, path } = view
  return (
    <SettingsFrame view={view} part="access">
      <Card title="Visibility" path={path}>
        {model.repositoryPrivate ? (
          <Banner kind="neutral">
            The repository is private on GitHub, so the model is private whatever is chosen here. What is chosen counts
            once the repository is public.
          </Banner>
        ) : null}
        <fieldset>
          <legend className="sr-only">Visibility</legend>
          {(Object.keys(what) as Visibility[]).map((value) => (
            <Choice
              key={value}
              name="visibility"
              value={value}
              checked={model.visibility === value}
              disabled={model.repositoryPrivate && value !== 'private' && model.visibility !== value}
              title={what[value].title}
              hint={
                <>
                  {what[value].hint}
                  {value === view.visibility ? null : <Effects>{what[value].changes}</Effects>}
                </>
              }
            />
          ))}
        </fieldset>
      </Card>

      <Card
        title="What viewers see"
        path={path}
        boxes={['viewersSeeVersions', 'viewersSeeLogs', 'viewersSeeFiles']}
        lead="Viewers are all who may see the model and are not its publishers."
      >
        <Box
          name="viewersSeeVersions"
          checked={model.viewersSeeVersions}
          title="All versions"
          hint="Failed and running ones too, with the Versions page and what happened to each push."
        />
        <Box
          name="viewersSeeLogs"
          checked={model.viewersSeeLogs}
          title="Build logs"
          hint="Logs hold whatever the build steps print."
        />
        <Box
          name="viewersSeeFiles"
          checked={model.viewersSeeFiles}
          title="Files"
          hint="Everybody who sees the model can list and download its checkpoints; the run line then names them by their address."
        />
      </Card>

      <Shown title="Publishers">
        <p className="text-fg-muted">
          As GitHub gives them for the repository.{' '}
          <a className="link" href={`${view.repositoryUrl}/settings/access`}>
            Change them on GitHub
          </a>
          ; a change there counts here within five minutes, and mostly at once.
        </p>
        {data.members === null ? (
          <p className="mt-3">
            {data.app === 'installed'
              ? 'GitHub could not be asked. Reload in a minute.'
              : 'The GitHub App is not active on the repository, so GitHub does not say.'}
          </p>
        ) : (
          <ul className="mt-3 divide-y divide-border">
            {data.members.map((member) => (
              <MemberRow key={member.login} member={member} privateRepository={model.repositoryPrivate} />
            ))}
          </ul>
        )}
      </Shown>

      <Shown title="Repository">
        <dl className="divide-y divide-border">
          <Fact term="On GitHub">
            <a className="link" href={view.repositoryUrl}>
              {view.publisher.login}/{model.name}
            </a>
            , {model.repositoryPrivate ? 'private' : 'public'}
          </Fact>
          <Fact term="GitHub App">
            {
              {
                installed: 'Installed. Pushes make versions.',
                suspended: 'Suspended on the account. Nothing is built until it is active again.',
                missing: 'Not on the repository any more. Nothing is built until it is installed again.',
              }[data.app]
            }
          </Fact>
          <Fact term="Pushes">
            <Link prefetch={false} className="link" href={`${path}/deliveries`}>
              What happened to each, with redelivery
            </Link>
          </Fact>
        </dl>
      </Shown>
    </SettingsFrame>
  )
}

function Effects({ children }: { children: string[] }) {
  return (
    <span className="mt-1 block">
      Choosing it changes:
      {children.map((line) => (
        <span key={line} className="relative block ps-4 before:absolute before:start-0 before:content-['–']">
          {line}
        </span>
      ))}
    </span>
  )
}

const roles: Record<Member['role'], { word: string; may: string }> = {
  admin: { word: 'Owner', may: 'publishes, changes settings, renames, archives and deletes' },
  write: { word: 'Publisher', may: 'publishes and changes settings' },
  read: { word: 'Reader', may: 'sees the model' },
}

function MemberRow({ member, privateRepository }: { member: Member; privateRepository: boolean }): ReactNode {
  const { word, may } = roles[member.role]
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 py-2">
      {member.avatarUrl ? (
        // biome-ignore lint/performance/noImgElement: GitHub serves it in the size that is asked for
        <img
          src={member.avatarUrl}
          alt=""
          width={28}
          height={28}
          loading="lazy"
          className="size-7 rounded-full bg-bg-muted"
        />
      ) : (
        <span aria-hidden className="grid size-7 place-items-center rounded-full bg-bg-muted text-xs uppercase">
          {member.login.slice(0, 2)}
        </span>
      )}
      <span className="font-medium">{member.login}</span>
      <span className="chip">{word}</span>
      <span className="text-[13px] text-fg-muted">
        {member.role === 'read' && !privateRepository ? 'sees what everybody sees' : may}
      </span>
    </li>
  )
}
