/** Where two versions are compared: old to new, whichever is given first. */
export const comparePath = (path: string, a: number, b: number) =>
  `${path}/compare/${Math.min(a, b)}...${Math.max(a, b)}`
