import { FileChange } from '@modelport/schema/api'
import { api, json, readBody } from '#src/api/route.ts'
import { changeFile, deleteFile } from '#src/features/files/change-files.ts'
import { fileJson } from '#src/features/files/file-json.ts'
import { openFile } from '#src/features/files/open-files.ts'

export const dynamic = 'force-dynamic'

type Params = { owner: string; model: string; file: string }

export const GET = api<Params>(async ({ actor, params }) => {
  const { path, file } = await openFile(actor, params.owner, params.model, params.file)
  return json(fileJson(path, file))
})

export const PATCH = api<Params>(async ({ request, actor, params }) => {
  await openFile(actor, params.owner, params.model, params.file, 'change-files')
  const change = await readBody(request, FileChange)
  return json(await changeFile(actor, params.owner, params.model, params.file, change))
})

export const DELETE = api<Params>(async ({ actor, params }) => {
  await deleteFile(actor, params.owner, params.model, params.file)
  return new Response(null, { status: 204 })
})
