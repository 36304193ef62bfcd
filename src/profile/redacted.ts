import { MarkNames } from '../redaction/mark-names.ts'
import type { Redactor } from '../redaction/redactor.ts'
import type { Profile } from './profile.ts'
import { frameRow, restack } from './restack.ts'

/** The profile with other names of its files, and without secrets in command lines and marks. */
export function redactedProfile(profile: Profile, redactor: Redactor): Profile {
  const { meta, processes } = profile
  const renamed = restack(profile, {
    frame(frame) {
      const row = frameRow(profile, frame)
      return { ...row, file: redactor.file(row.file) }
    },
  })
  const { control } = meta
  const names = new MarkNames(redactor)
  return {
    ...renamed,
    meta: {
      ...meta,
      command: redactor.line(meta.command),
      ...(control && {
        control: {
          ...control,
          marks: control.marks.map((mark) => ({ ...mark, name: names.of(mark.name) })),
        },
      }),
    },
    processes: processes.map((process) => ({
      ...process,
      command: redactor.line(process.command),
    })),
  }
}
