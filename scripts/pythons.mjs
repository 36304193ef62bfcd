import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import { runScript, ScriptFailure } from './lib/failure.mjs'
import { MINORS } from './lib/interpreters.mjs'
import { alone, linkOf, provide } from './lib/provide.mjs'
import { ROOT } from './lib/run.mjs'

/** @returns {string[]} the minors that the command line asks for */
function wantedMinors() {
  const hint = `npm run pythons, or npm run pythons -- --only ${MINORS[1]}`
  let only
  try {
    only = parseArgs({ options: { only: { type: 'string' } } }).values.only
  } catch (error) {
    throw new ScriptFailure('The command line is wrong.', String(error), hint)
  }
  if (only === undefined) return MINORS
  if (MINORS.includes(only)) return [only]
  throw new ScriptFailure(`--only ${only} is not possible.`, `it is none of ${MINORS}.`, hint)
}

await runScript(async () => {
  const minors = wantedMinors()
  await alone(async () => {
    for (const minor of minors) {
      const { version, source } = provide(minor, (line) => process.stderr.write(`${line}\n`))
      process.stdout.write(`${version.padEnd(8)} ${relative(ROOT, linkOf(minor))}  (${source})\n`)
    }
  })
})
