import type { SendError, UploadApi } from '#src/features/files/upload/send-file.ts'

/** The store's addresses for the parts of one upload. Many are asked for at a time: it is the request that costs the site. */
export interface PartAddresses {
  of(part: number): Promise<string>
  /** The store did not take the part, or did not answer: whether its address is used again depends on which. */
  failed(part: number, error: SendError): void
  /** The part has arrived. */
  done(part: number): void
}

interface Address {
  url: Promise<string>
  askedAt: number
  failures: number
}

const atOnce = 16
/** The site signs for a quarter of an hour, and a part may wait for its turn. */
const freshMs = 5 * 60_000

export function openPartAddresses(
  sign: (parts: readonly number[]) => ReturnType<UploadApi['sign']>,
  missing: readonly number[],
  now: () => number,
): PartAddresses {
  const left = new Set(missing)
  const known = new Map<number, Address>()
  const isFresh = (part: number) => {
    const address = known.get(part)
    return address !== undefined && now() - address.askedAt < freshMs
  }

  function ask(part: number): void {
    const parts = [part]
    for (const other of left) {
      if (parts.length === atOnce) break
      if (other !== part && !isFresh(other)) parts.push(other)
    }
    const askedAt = now()
    const answer = sign(parts)
    parts.forEach((one, i) => {
      const address = { url: answer.then((urls) => urls[i]!), askedAt, failures: 0 }
      known.set(one, address)
      // Whoever waits for it hears of the failure; the next one asks again.
      address.url.catch(() => known.get(one) === address && known.delete(one))
    })
  }

  return {
    of(part) {
      if (!isFresh(part)) ask(part)
      return known.get(part)!.url
    },
    failed(part, error) {
      const address = known.get(part)
      // A cut link says nothing against an address. The second time it may: a refusal that the browser is not shown looks
      // alike, and after a sleep of the machine its clock may take an old address for a fresh one.
      if (address && (error.status !== 0 || ++address.failures > 1)) known.delete(part)
    },
    done(part) {
      left.delete(part)
      known.delete(part)
    },
  }
}
