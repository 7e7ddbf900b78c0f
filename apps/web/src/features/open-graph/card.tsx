import { ImageResponse } from 'next/og'
import { cardSize } from '#src/features/open-graph/card-size.ts'

/** What the picture of a link says. */
export interface Card {
  owner: string | null
  name: string
  summary: string | null
  /** `image, text → image` */
  flow: string | null
  licence: string | null
  version: number | null
}

/** For what is private or missing: the same for both. */
export const genericCard: Card = {
  owner: null,
  name: 'Modelport',
  summary: 'Models from GitHub, built, numbered and described.',
  flow: null,
  licence: null,
  version: null,
}

interface Fonts {
  regular: Buffer
  bold: Buffer
}
let fonts: Promise<Fonts> | null = null

/** Draws a card as PNG, with fonts of this machine and nothing from the network. */
export async function drawCard(card: Card): Promise<Buffer> {
  fonts ??= import(/* turbopackIgnore: true */ new URL('./fonts.mjs', import.meta.url).href) as Promise<Fonts>
  const { regular, bold } = await fonts
  const response = new ImageResponse(<Drawing card={card} />, {
    ...cardSize,
    fonts: [
      { name: 'DejaVu', data: regular, weight: 400 },
      { name: 'DejaVu', data: bold, weight: 700 },
    ],
  })
  return Buffer.from(await response.arrayBuffer())
}

/**
 * Text of letters that the font has. For any other the renderer would ask a server for a font or a picture, so it is
 * left out; a text that would lose much of itself is left out whole.
 */
export function drawable(text: string, longest: number): string | null {
  const kept = text
    .replaceAll(
      /[^\u0020-\u007e\u00a0-\u024f\u0386-\u03ce\u0400-\u045f\u2013\u2014\u2018-\u201e\u2022\u2026\u2190-\u2193]/g,
      '',
    )
    .replaceAll(/\p{Cn}/gu, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
  if (kept.length < text.trim().length * 0.7) return null
  return kept.length > longest ? `${kept.slice(0, longest - 1).trimEnd()}…` : kept
}

function Drawing({ card }: { card: Card }) {
  const name = drawable(card.name, 60) ?? 'A model'
  const summary = card.summary ? drawable(card.summary, 160) : null
  const facts = [card.flow, card.licence, card.version ? `Version ${card.version}` : null].flatMap((fact) =>
    fact ? (drawable(fact, 40) ?? []) : [],
  )
  return (
    <div
      style={{
        display: 'flex',
        flexDirection: 'column',
        justifyContent: 'space-between',
        width: '100%',
        height: '100%',
        padding: '64px 72px',
        background: '#ffffff',
        borderBottom: '24px solid #3b45d1',
        color: '#14171f',
        fontFamily: 'DejaVu',
      }}
    >
      <div style={{ display: 'flex', flexDirection: 'column' }}>
        {card.owner ? (
          <div style={{ fontSize: 40, color: '#4a5263' }}>{`${drawable(card.owner, 60) ?? ''} /`}</div>
        ) : null}
        <div
          style={{ fontSize: name.length > 24 ? 56 : 84, fontWeight: 700, lineHeight: 1.15, wordBreak: 'break-word' }}
        >
          {name}
        </div>
        {summary ? (
          <div style={{ marginTop: 28, fontSize: 36, lineHeight: 1.35, color: '#4a5263' }}>{summary}</div>
        ) : null}
      </div>
      <div style={{ display: 'flex', alignItems: 'center', justifyContent: 'space-between' }}>
        <div style={{ display: 'flex', flexWrap: 'wrap' }}>
          {facts.map((fact) => (
            <div
              key={fact}
              style={{
                marginRight: 16,
                padding: '10px 20px',
                borderRadius: 10,
                background: '#ecedfc',
                color: '#3239b4',
                fontSize: 28,
              }}
            >
              {fact}
            </div>
          ))}
        </div>
        {card.owner ? <div style={{ fontSize: 30, fontWeight: 700, color: '#3b45d1' }}>Modelport</div> : null}
      </div>
    </div>
  )
}
