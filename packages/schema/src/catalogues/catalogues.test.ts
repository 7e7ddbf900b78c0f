import { describe, expect, it } from 'vitest'
import { Catalogue } from '../catalogue.ts'
import { debianBasePackages, debianCatalogue } from './debian.ts'
import { renderRecipe } from './render-recipe.ts'
import { upstreamCatalogue } from './upstream.ts'

describe.each([debianCatalogue, upstreamCatalogue])('the $name catalogue', (catalogue) => {
  it('fits the schema and gives each entry an id of its own', () => {
    expect(Catalogue.parse(catalogue)).toEqual(catalogue)
    expect(new Set(catalogue.entries.map((entry) => entry.id)).size).toBe(catalogue.entries.length)
  })

  it('has a plain entry in both flavors for every Python and CUDA that it names', () => {
    const pairs = new Set(catalogue.entries.map((entry) => `${entry.python} ${entry.cuda}`))
    for (const flavor of ['runtime', 'devel']) {
      const plain = catalogue.entries.filter((entry) => entry.flavor === flavor && entry.framework === null)
      expect(new Set(plain.map((entry) => `${entry.python} ${entry.cuda}`))).toEqual(pairs)
    }
  })
})

describe('the Debian catalogue', () => {
  it('installs the base packages everywhere and CUDA, torch and compilers only where they are asked for', () => {
    for (const entry of debianCatalogue.entries) {
      const packages = entry.source.kind === 'debian' ? entry.source.packages : []
      expect(packages).toEqual(expect.arrayContaining([...debianBasePackages]))
      expect(packages.some((name) => name.startsWith('libcudart'))).toBe(entry.cuda !== null)
      expect(packages.some((name) => name.startsWith('libcublas'))).toBe(entry.math)
      expect(packages.includes('python3-torch')).toBe(entry.framework?.name === 'pytorch')
      expect(packages.includes('g++')).toBe(entry.flavor === 'devel')
      expect(new Set(packages).size).toBe(packages.length)
    }
  })

  it('offers no TensorFlow: no suite has it', () => {
    expect(debianCatalogue.entries.some((entry) => entry.framework?.name === 'tensorflow')).toBe(false)
  })
})

describe('the upstream catalogue', () => {
  it('knows Python 3.6 to 3.13 and CUDA 9 to 12.6', () => {
    expect([...new Set(upstreamCatalogue.entries.map((entry) => entry.python))].join(' ')).toBe(
      '3.6 3.7 3.8 3.9 3.10 3.11 3.12 3.13',
    )
    expect([...new Set(upstreamCatalogue.entries.flatMap((entry) => entry.cuda ?? []))].join(' ')).toBe(
      '9.0 9.1 9.2 10.0 10.1 10.2 11.0 11.1 11.2 11.3 11.4 11.5 11.6 11.7 11.8 12.0 12.1 12.2 12.3 12.4 12.5 12.6',
    )
  })

  it('renders recipes of one instruction per line, pinned once the image was pulled', () => {
    for (const entry of upstreamCatalogue.entries) {
      const lines = renderRecipe(entry, `sha256:${'0'.repeat(64)}`)
        .trimEnd()
        .split('\n')
      expect(lines[0]).toMatch(/^FROM (nvidia\/cuda:[\w.-]+|debian:bookworm-slim)@sha256:0{64}$/)
      for (const line of lines.slice(1)) expect(line).toMatch(/^(RUN|COPY|ENV|WORKDIR) /)
      expect(lines.join('\n')).toContain(`python=${entry.python} `)
    }
  })

  it('keeps a rendered recipe as it is', () => {
    const entry = upstreamCatalogue.entries.find(({ id }) => id === 'upstream-3.7-cuda10.0-tensorflow')!
    expect(renderRecipe(entry)).toMatchInlineSnapshot(`
      "FROM nvidia/cuda:10.0-runtime-ubuntu18.04
      RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates curl wget git unzip bzip2
      COPY --from=mambaorg/micromamba:2.0.5 /bin/micromamba /usr/local/bin/micromamba
      RUN micromamba create -y -p /miniconda -c conda-forge python=3.7 pip setuptools wheel numpy pillow && micromamba clean -a -y && ln -s /usr/local/bin/micromamba /usr/local/bin/conda
      ENV MAMBA_ROOT_PREFIX=/miniconda
      ENV PATH=/miniconda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
      RUN pip install --no-cache-dir tensorflow-gpu==1.15.0
      WORKDIR /model
      "
    `)
  })

  it('does not render what is made from Debian packages', () => {
    expect(() => renderRecipe(debianCatalogue.entries[0]!)).toThrow('Debian packages')
  })
})
