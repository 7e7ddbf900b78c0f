import { GalleryRequest } from '@modelport/schema/api'
import { api, json, readBody } from '#src/api/route.ts'
import { changeGallery, takeImage } from '#src/features/gallery/change-gallery.ts'
import { galleryJson, imageJson } from '#src/features/gallery/gallery-json.ts'
import { openModel, pathOf } from '#src/features/models/open-model.ts'

export const dynamic = 'force-dynamic'

type Params = { owner: string; model: string }

export const GET = api<Params>(async ({ actor, params }) => {
  const found = await openModel(actor, params.owner, params.model)
  return json(await galleryJson(pathOf(found), found.model.id))
})

export const POST = api<Params>(async ({ request, actor, params }) => {
  const found = await openModel(actor, params.owner, params.model, 'publish')
  return json(imageJson(pathOf(found), await takeImage(found, request, actor.user!.login)), 201)
})

export const PUT = api<Params>(async ({ request, actor, params }) => {
  const found = await openModel(actor, params.owner, params.model, 'publish')
  await changeGallery(found, await readBody(request, GalleryRequest))
  return json(await galleryJson(pathOf(found), found.model.id))
})
