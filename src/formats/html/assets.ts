import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { escapeXml } from '../text.ts'

/** speedscope as one document that needs nothing else. */
export interface Viewer {
  /** HTML; it loads a file that is dropped on the first element of its body. */
  readonly document: string
  /** What its licences ask to be handed on with it, as plain text. */
  readonly licences: string
}

let viewer: Viewer | undefined

/** The viewer of the installed speedscope package. @throws Error when the package is not whole */
export function speedscopeViewer(): Viewer {
  viewer ??= readViewer(dirname(createRequire(import.meta.url).resolve('speedscope/package.json')))
  return viewer
}

function readViewer(root: string): Viewer {
  const release = join(root, 'dist', 'release')
  const names = readdirSync(release)
  const named = (pattern: RegExp) => {
    const name = names.find((each) => pattern.test(each))
    if (name === undefined) throw new Error(`speedscope is not whole: no ${pattern} in ${release}`)
    return join(release, name)
  }
  const script = readFileSync(named(/^speedscope-\w+\.js$/), 'utf8')
  const font = readFileSync(named(/\.woff2$/)).toString('base64')
  const style = readFileSync(named(/^speedscope-\w+\.css$/), 'utf8').replace(
    /url\("[^"]*\.woff2"\)/,
    `url("data:font/woff2;base64,${font}")`,
  )
  const licences = [join(root, 'LICENSE'), named(/^source-code-pro\.LICENSE/)]
  return {
    document:
      '<!DOCTYPE html><html><head><meta charset="utf-8"><title>speedscope</title>' +
      `<style>${withoutMap(style).replace(/<\/style/gi, '<\\/style')}</style></head><body>` +
      `<script>${withoutMap(script).replace(/<\/script/gi, '<\\/script')}</script></body></html>`,
    licences: licences.map((file) => readFileSync(file, 'utf8')).join('\n'),
  }
}

/** Without the name of a source map, which is not there to be fetched. */
function withoutMap(source: string): string {
  return source.replace(/\n(?:\/\/|\/\*)# sourceMappingURL=.*\s*$/, '\n')
}

/** A document as the value of a `srcdoc` attribute. */
export function attribute(document: string): string {
  return escapeXml(document)
}
