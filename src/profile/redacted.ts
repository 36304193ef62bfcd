import type { Redactor } from '../redaction/redactor.ts'
import type { Profile } from './profile.ts'
import { frameRow, restack } from './restack.ts'

/** The profile with other names of its files, and without secrets in its command lines. */
export function redactedProfile(profile: Profile, redactor: Redactor): Profile {
  const { meta, processes } = profile
  const renamed = restack(profile, {
    frame(frame) {
      const row = frameRow(profile, frame)
      return { ...row, file: redactor.file(row.file) }
    },
  })
  return {
    ...renamed,
    meta: { ...meta, command: redactor.line(meta.command) },
    processes: processes.map((process) => ({
      ...process,
      command: redactor.line(process.command),
    })),
  }
}
