import { readProfile } from '../../src/commands/convert/read-profile.ts'

/** Reads a recording as `pyprof convert` does, and does nothing else with it. */
const range = { from: 0, to: Number.POSITIVE_INFINITY }
const { profile } = readProfile(process.argv[2]!, { range, rate: undefined })
process.stdout.write(`${profile.samples.length}\n`)
