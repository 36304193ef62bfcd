import type { Format } from '../formats/index.ts'
import type { Profile } from '../profile/profile.ts'
import { sampleCount } from '../profile/sample-columns.ts'
import { counted, formatSize } from './numbers.ts'

/**
 * What to say of an output that its viewer would need more memory for than this machine has left;
 * '' where there is nothing to say. Writing it needs no such memory.
 */
export function viewerWarning(format: Format, profile: Profile): string {
  const bytes = format.viewerBytes?.(profile) ?? 0
  const free = process.availableMemory()
  if (bytes <= free) return ''
  return (
    `a viewer has to hold all ${counted(sampleCount(profile.samples), 'sample')}, some ` +
    `${formatSize(bytes)}, and this machine has ${formatSize(free)} left. ` +
    'Take a part of it (--from 1h --to 2h), or a format that adds samples up: -o out.svg'
  )
}
