import { FilesQuery, UploadRequest } from '@modelport/schema/api'
import { api, json, readBody, readQuery } from '#src/api/route.ts'
import { getFiles } from '#src/features/files/change-files.ts'
import { openFiles } from '#src/features/files/open-files.ts'
import { beginUpload } from '#src/features/files/upload-sessions.ts'

export const dynamic = 'force-dynamic'

type Params = { owner: string; model: string }

export const GET = api<Params>(async ({ url, actor, params }) => {
  const { earlier } = readQuery(url, FilesQuery)
  return json(await getFiles(actor, params.owner, params.model, { earlier: earlier === '1' }))
})

export const POST = api<Params>(async ({ request, actor, params }) => {
  // Whoever may not upload learns nothing from how their body is read.
  await openFiles(actor, params.owner, params.model, 'change-files')
  const wish = await readBody(request, UploadRequest)
  const { isNew, ...begun } = await beginUpload(actor, params.owner, params.model, wish)
  const at = `/api/v1/models/${params.owner}/${params.model}/files`
  const location = begun.upload ? `${at}/uploads/${begun.upload.id}` : `${at}/${begun.file!.id}`
  return json(begun, isNew ? 201 : 200, { location })
})
