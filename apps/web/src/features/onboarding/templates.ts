/** Beginnings of a `runway.yml`; a test runs each through the parser. */
export interface Template {
  id: string
  title: string
  hint: string
  framework: 'pytorch' | 'tensorflow' | null
  gpu: boolean
  /** Build steps besides the one that installs `requirements.txt`. */
  steps: string[]
}

export const templates: Template[] = [
  { id: 'minimal', title: 'Minimal', hint: 'Plain Python, CPU only', framework: null, gpu: false, steps: [] },
  {
    id: 'pytorch',
    title: 'PyTorch',
    hint: 'A CPU and a GPU image with PyTorch',
    framework: 'pytorch',
    gpu: true,
    steps: [],
  },
  {
    id: 'tensorflow',
    title: 'TensorFlow',
    hint: 'A CPU and a GPU image with TensorFlow',
    framework: 'tensorflow',
    gpu: true,
    steps: [],
  },
  {
    id: 'diffusion',
    title: 'Diffusion',
    hint: 'PyTorch, with the libraries of diffusion models',
    framework: 'pytorch',
    gpu: true,
    steps: ['pip install diffusers transformers'],
  },
  {
    id: 'text',
    title: 'Text',
    hint: 'PyTorch, with the libraries of language models',
    framework: 'pytorch',
    gpu: true,
    steps: ['pip install transformers sentencepiece'],
  },
]

/** The text of a template for a repository with these files in its root. */
export function templateText({ framework, gpu, steps }: Template, names: readonly string[], siteUrl: string): string {
  const all = [...(names.includes('requirements.txt') ? ['pip install -r requirements.txt'] : []), ...steps]
  return [
    `# yaml-language-server: $schema=${siteUrl}/schemas/runway.yml.json`,
    'version: 0.1',
    'python: 3.11',
    'entrypoint: python runway_model.py',
    ...(gpu ? ['cuda: 11.8'] : ['spec:', '  gpu: False']),
    ...(framework ? [`framework: ${framework}`] : []),
    ...(all.length > 0 ? ['build_steps:', ...all.map((step) => `  - ${step}`)] : []),
    '',
  ].join('\n')
}

/** The model that goes with it, where the repository has none. */
export const sampleModel = `import runway
from runway.data_types import text


@runway.command('shout', inputs={'words': text}, outputs={'loud': text})
def shout(model, inputs):
    return inputs['words'].upper()


if __name__ == '__main__':
    runway.run()
`

const tells: [RegExp, string][] = [
  [/^runway_model\.py$/, 'runway_model.py'],
  [/^requirements\.txt$/, 'requirements.txt'],
  [/^(setup\.py|pyproject\.toml)$/, 'a Python package'],
  [/^environment\.ya?ml$/, 'a conda environment'],
  [/^Dockerfile$/, 'a Dockerfile'],
  [/^cog\.ya?ml$/, 'a config of cog'],
  [/\.(pt|pth|ckpt|safetensors|h5|onnx)$/, 'weights'],
  [/^LICEN[CS]E/i, 'a licence'],
  [/^README/i, 'a README'],
]

/** What files in the root of a repository say about it, in words. */
export function detectedWords(names: readonly string[]): string[] {
  return tells.filter(([pattern]) => names.some((name) => pattern.test(name))).map(([, words]) => words)
}
